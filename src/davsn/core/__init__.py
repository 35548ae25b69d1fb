"""What every other room stands on: the vocabulary, settings, errors, plug-ins, the cache, and files written whole."""
