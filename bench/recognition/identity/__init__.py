"""Recognition of who is there: by the face, by looks."""
