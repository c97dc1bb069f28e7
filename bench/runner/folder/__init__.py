"""The folder of a run: who has it, and the files in it."""
