"""Answers of a model to any number of images, as a table: restartable, exactly one row an image."""
