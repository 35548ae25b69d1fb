"""Measurements of davsn: what things cost, what methods gain, and the pages and pictures that show it."""
