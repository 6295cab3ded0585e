"""How the byte model is made: lawful data, training, export. Never imported by what a user runs."""
