"""Small packages of one part each, which `pedbench new` writes."""
