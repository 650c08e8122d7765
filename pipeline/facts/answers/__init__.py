"""Answers: reads a text as an answer, derives what has to be said, and looks for it.

Texts and a language come in; values, phrases and whether they are said go out. It knows no fact.
"""
