"""Experiments: each script trains or scores over seeds and writes one record."""
