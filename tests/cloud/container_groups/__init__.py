"""Azure Container Instances: groups whose containers really run, and who may pull images."""
