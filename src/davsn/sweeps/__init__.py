"""One recipe for several methods, values and seeds: the grid of runs, and the jobs that carry them out."""
