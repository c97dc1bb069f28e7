"""SAMs from elsewhere, and embeddings on disk."""
