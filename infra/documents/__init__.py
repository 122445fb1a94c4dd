"""The documents: what the code says of itself, and the site that is made of docs/."""
