"""Evaluation: asks base and adapter the probes, measures the answers, and gives a verdict.

In: a `Dataset`, an adapter or a server. Out: measurements and a verdict with its reasons.
Never: trains, or publishes.
"""
