"""Pure tensor functions: no file, no setting, no state."""
