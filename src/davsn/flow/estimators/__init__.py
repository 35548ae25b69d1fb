"""Optical-flow estimators, one file each. A file's name is the estimator's name in a recipe."""
