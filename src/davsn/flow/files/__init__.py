"""Optical flow in files: the forms of the field, reading, writing and conversion."""
