"""Heads, one file each. A file's name is the head's name in a recipe."""
