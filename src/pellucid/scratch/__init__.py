"""The engine written out in NumPy."""
