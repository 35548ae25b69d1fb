"""Video files: containers, decoding, writing."""
