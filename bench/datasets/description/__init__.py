"""What is told of a data set: by its makers, and as Croissant metadata."""
