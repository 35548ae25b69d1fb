"""Families of encoders, one file each. A recipe names an encoder, and the family that knows the name builds it."""
