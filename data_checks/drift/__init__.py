"""Does what the service is asked still look like what the model was tested on? Pure."""
