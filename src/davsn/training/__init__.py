"""The engine: how every method is trained."""
