"""Prediction and evaluation of a trained network."""
