"""
A cloud on this machine: Microsoft's and Databricks' addresses, answered by stand-ins.

Each folder is a part of it, ``stand_in`` is the whole. Tests reach it by ``parts`` (our backend),
``door`` (callers of Front Door) and ``echo`` (images and container groups).
"""
