"""Images in, a report out: facts of every image, judged by Great Expectations."""
