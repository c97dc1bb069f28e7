"""Pictures and masks out of files and annotations."""
