"""What would stop or spoil a run, found before it starts."""
