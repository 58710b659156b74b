"""How a replay is made."""
