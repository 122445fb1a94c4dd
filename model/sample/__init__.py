"""The bundled sample: a few thousand images of Fashion-MNIST, and how it was made."""
