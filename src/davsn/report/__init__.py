"""Seeing what a network does: pictures of masks and flow, curves, and one page that shows a whole run."""
