"""The base of all other rooms: vocabulary, settings, errors, plug-ins, the cache, and safe file access."""
