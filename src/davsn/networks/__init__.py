"""Networks of single frames, the video network around them, discriminators and weights."""
