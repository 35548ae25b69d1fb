"""Optical flow in files: the forms that the field uses, and how they are read, written and converted."""
