"""Recognition of text."""
