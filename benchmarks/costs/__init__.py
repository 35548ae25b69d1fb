"""What one thing costs in time and memory: each script measures it and writes one record."""
