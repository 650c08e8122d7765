"""The command line: options in, a stage called, an exit code out.

In: arguments. Out: data on stdout, talk on stderr.
Never: does a stage's work itself.
"""
