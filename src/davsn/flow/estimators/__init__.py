"""Optical-flow estimators, one file each. The file's name is the estimator's name in a recipe."""
