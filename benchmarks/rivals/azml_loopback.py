"""Azure ML's inference server on the loopback address: by itself it binds every one."""

import azureml_inference_server_http.amlserver as server

server.DEFAULT_HOST = "127.0.0.1"
server.run()
