"""Azure Container Registry: images that are really built, and held under tags and digests."""
