"""Parts of the HTML report that answer to a reader: the curve, the gallery, rows with commands."""
