"""Performance claims, each made by one command that anyone can repeat; results.md keeps them."""
