"""Segmentation networks. A file with an :class:`~davsn.networks.base.ImageNetwork` is a network of that name."""
