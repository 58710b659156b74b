"""What users call: replays and their results."""
