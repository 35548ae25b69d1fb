"""Image networks, the video network around them, discriminators and weights."""
