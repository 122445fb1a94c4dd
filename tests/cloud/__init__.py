"""A cloud on this machine: Microsoft's and Databricks' addresses, answered by stand-ins."""
