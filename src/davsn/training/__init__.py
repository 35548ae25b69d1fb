"""The engine, which trains every method."""
