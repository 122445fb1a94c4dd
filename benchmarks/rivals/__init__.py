"""What the scoring service is measured against: what a user would write or start instead."""
