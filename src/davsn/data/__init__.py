"""Data sets and their loading. A file (or package) with a :class:`~davsn.data.base.VideoDataset` is a data set."""
