"""Benchmarks: measures recipes, the speed of parts, and the error rates of the gate."""
