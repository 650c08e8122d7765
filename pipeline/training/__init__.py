"""Training: trains an adapter that knows the facts and otherwise matches the base.

In: a `Dataset` and a loaded base. Out: a loaded adapter and the statistics of its training.
Never: asks a probe, or writes a report.
"""
