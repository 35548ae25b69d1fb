"""davsn: adapt a video segmentation network from labelled video to video that nobody has labelled."""

from importlib.metadata import version

__version__ = version("davsn")
