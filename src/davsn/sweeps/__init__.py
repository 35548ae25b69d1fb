"""Sweeps: one recipe with several methods, values and seeds, as a grid of runs, and the jobs that run it."""
