"""The families: one folder each, and ``auto``, which knows them all."""
