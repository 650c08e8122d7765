"""Checks: judges facts that were read, each by itself and beside the others.

Facts and their places come in; problems go out. It changes nothing.
"""
