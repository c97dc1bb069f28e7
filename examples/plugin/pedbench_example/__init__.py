"""An example package of pedbench parts: one module a kind."""
