"""An Azure subscription: login, Resource Manager, Machine Learning, Blob storage."""
