"""Benchmarks: measures what a recipe teaches, the speed of parts, and the error rates of the gate."""
