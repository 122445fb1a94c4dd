"""How programs reach the stand-ins; and how what is said is kept, judged and made to fail."""
