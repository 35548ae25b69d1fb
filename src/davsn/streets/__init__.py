"""The renderer of the embedded driving world; ``data/sets/streets.py`` makes a data set of it."""
