"""Authoring: writes facts files for people who answer questions, fill in a form or bring a table.

Drafts come in; files that pass the check go out. It never overwrites what is there.
"""
