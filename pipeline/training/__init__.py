"""Training: trains an adapter that knows the facts and otherwise matches the base.

In: a `Dataset` and a loaded base. Out: a loaded adapter and what its training took.
Never: asks a probe, or writes a report.
"""
