"""The Python API: one function for each command of the command line. ``import davsn`` gives access to all of them."""
