"""The files of a data set in COCO format."""
