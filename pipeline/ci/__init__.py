"""Continuous integration: runs the steps of the workflows, and reads and writes on GitHub.

In: environment variables of a workflow, commits. Out: step outputs, summaries, issues, one required check.
Never: trains or judges; it decides which run has to.
"""
