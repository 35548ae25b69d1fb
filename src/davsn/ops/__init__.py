"""Functions of tensors: they use no files and no settings, and keep no state."""
