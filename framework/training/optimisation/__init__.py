"""How training steps are taken: rates, regularisation, processes, state, log."""
