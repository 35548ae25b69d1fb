"""Data sets of video, one file each. The file's name is the data set's name in a recipe."""
