"""Files: reads a facts file as plain data with the place of every value.

Bytes come in; documents and problems of form go out. It never judges what a fact says.
"""
