"""Bytes, files and shadow copies; the only room that writes to the user's tree."""
