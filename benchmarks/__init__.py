"""Benchmarks: measures how well a recipe teaches, how fast things are, and how often a gate would err."""
