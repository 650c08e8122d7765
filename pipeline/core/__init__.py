"""Shared basics: errors, configuration, artefacts on disk, safe text, git, locks and the console.

In: files, text, environment variables. Out: plain data and the project's own errors.
Never: anything about facts, models or GitHub; nothing here imports another package of the project.
"""
