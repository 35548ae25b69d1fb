"""The contract of a method, and the parts that several methods share."""
