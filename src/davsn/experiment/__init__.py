"""An experiment: what a run is, where it runs, and the trained network that comes out of it."""
