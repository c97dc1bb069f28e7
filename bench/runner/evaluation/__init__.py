"""One image evaluated: encoded, attacked, segmented, scored."""
