"""What is said: versioned prompts, canned replies and intent examples, kept as files."""
