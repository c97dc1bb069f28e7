"""One image on its way through the split: windows, plans, payloads, observations, the predictor."""
