"""Publishing: makes, signs, uploads, downloads and verifies releases.

In: a run that passed, or a release on the Hub. Out: a release folder whose every byte is bound to its digest.
Never: publishes what did not pass, or believes a digest that it did not compute.
"""
