"""Less detail in what is sent: fewer levels, channels, tokens or pixels."""
