"""Experiments: the settings of a run, its folder, and the trained network that results."""
