"""Networks of single frames, one file each. The file's name is the network's name in a recipe."""
