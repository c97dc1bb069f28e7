"""The attacks, in a folder each for floors with the ceiling, inpainting and inversion."""
