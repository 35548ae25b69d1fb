"""Files: written completely or not at all, and read as data."""
