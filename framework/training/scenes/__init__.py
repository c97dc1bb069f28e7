"""Training scenes: photos augmented, objects and figures pasted, batches."""
