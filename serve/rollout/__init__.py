"""The rollout: stages a new adapter, probes it, moves the traffic, and goes back where it fails.

In: an adapter's source and digest. Out: entries in the journal, and the alias that names the live adapter.
Never: answers a client.
"""
