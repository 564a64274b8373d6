"""The names of pytorch-transformers 1.x: those of :mod:`transformers`, and what its own releases had besides.

Importing this package imports neither torch nor numpy: every public name is loaded when it is first used.
"""
