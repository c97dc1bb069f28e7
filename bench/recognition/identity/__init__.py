"""Recognition of a person by the face."""
