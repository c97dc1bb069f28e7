"""Tables, figures and the report of a run, made from its records alone."""
