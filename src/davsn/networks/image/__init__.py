"""Image networks, one file each. A file's name is the network's name in a recipe."""
