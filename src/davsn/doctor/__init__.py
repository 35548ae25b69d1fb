"""Checks that find, before a run starts, what would stop or spoil it."""
