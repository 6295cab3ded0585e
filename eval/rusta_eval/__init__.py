"""Measurements of Rusta: how much it mends, how fast it is. May import everything; nothing imports it."""
