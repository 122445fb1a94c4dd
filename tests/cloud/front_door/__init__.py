"""Azure Front Door: its management, and an edge that really leads callers to origins."""
