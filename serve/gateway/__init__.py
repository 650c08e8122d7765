"""The gateway: checks a client's request and passes it to an engine that has the wanted adapter.

In: HTTP requests of the public. Out: the engine's answers, counters, and which bodies failed where.
Never: decides what is live.
"""
