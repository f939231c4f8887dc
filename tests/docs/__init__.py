"""What a reader of the documents does, done by a test."""
