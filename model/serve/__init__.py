"""The scoring service: a model folder behind HTTP, in a process that needs no TensorFlow."""
