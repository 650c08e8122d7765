"""Languages: reads language files, folds texts, and detects the language of a text.

Text and a code come in; words, frames and rules of a language go out. It knows no fact.
"""
