"""Metrics: one file each. The file's name is the name of the metric."""
