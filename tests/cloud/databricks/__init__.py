"""A Databricks workspace: runs that really run, files in volumes, and a real MLflow server."""
