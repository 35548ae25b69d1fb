"""Data sets and how they are loaded. Every file in ``davsn.data.sets`` is one data set."""
