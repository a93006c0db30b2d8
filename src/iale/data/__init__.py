"""Data sets, samples that are read as they are needed, and the pool."""
