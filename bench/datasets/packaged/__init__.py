"""Files inside installed packages."""
