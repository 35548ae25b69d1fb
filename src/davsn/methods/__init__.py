"""One file a method; the file's name is the name in a recipe. ``base`` is the contract."""
