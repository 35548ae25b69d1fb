"""Compatibility with the public code: its YAML files, their keys and its accidents."""
