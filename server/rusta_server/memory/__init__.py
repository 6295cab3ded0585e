"""What Rusta keeps of its work with a person, on this machine alone."""
