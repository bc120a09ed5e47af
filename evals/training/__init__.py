"""How the weights that ship with the service were trained; nothing here runs in production."""
