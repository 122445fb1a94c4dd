"""Is a live version still asked what it was tested on? From captured traffic to a verdict."""
