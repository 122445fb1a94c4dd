"""The user's own domain: images, networks, training, evaluation, export and the scoring service."""
