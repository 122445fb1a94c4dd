"""Training on workers that Apache Spark starts: each learns from its share of the images."""
