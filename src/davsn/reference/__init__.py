"""The public code: its YAML files, its keys and its accidents."""
