"""Data sets and their loading. A file (or package) with a :class:`~davsn.data.dataset.VideoDataset` is a data set."""
