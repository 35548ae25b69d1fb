"""The methods, one in each file; a recipe names a method by its file. ``davsn.learning.method`` is the contract."""
