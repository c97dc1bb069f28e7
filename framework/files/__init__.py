"""Files: written whole, fetched once, kept in the cache, read as photos."""
