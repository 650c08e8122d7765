"""Continuous integration: the steps of the workflows, and what GitHub is asked and told.

In: environment variables of a workflow, commits. Out: step outputs, summaries, issues, one required check.
Never: trains or judges; it decides which run has to.
"""
