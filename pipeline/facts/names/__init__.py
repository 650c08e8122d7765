"""Names: finds names in a text, and puts others in their place.

A text, names and a language come in; places and new texts go out. It knows no fact.
"""
