"""SAM: architectures, weights and the attention they share."""
