"""Deployments of templates, as Azure Resource Manager makes them: on this machine, in memory."""
