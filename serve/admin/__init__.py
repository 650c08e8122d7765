"""The admin socket: one account asks the running service for a deploy, a rollback or the state.

In: JSON lines on a Unix socket. Out: JSON lines with what happens meanwhile.
Never: lets another account write the state.
"""
