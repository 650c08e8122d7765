"""The state folder: the alias, the journal, the adapters' folders, and who may write there.

In: what the rollout decided. Out: files that are whole or not there, readable after any crash.
Never: talks to an engine.
"""
