"""One retryable step a file; they speak to the outside through the ports."""
