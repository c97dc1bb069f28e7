"""Controls of an attack: retrained priors and swapped twins."""
