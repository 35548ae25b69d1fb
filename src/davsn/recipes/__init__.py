"""Recipes that can be run by name: ``davsn train streets_da_vsn``."""
