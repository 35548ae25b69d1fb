"""The renderer of ``streets``, the built-in synthetic data set; ``data/sets/streets.py`` is the data set itself."""
