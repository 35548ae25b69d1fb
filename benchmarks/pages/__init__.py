"""The pages of results, written from the records in benchmarks/results."""
