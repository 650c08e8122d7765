"""Engines: starts vLLM servers, talks to their own routes, and restores what each must have loaded.

In: a base, adapters, a key. Out: processes on loopback and answers of their routes.
Never: faces the public.
"""
