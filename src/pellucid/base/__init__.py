"""Errors in four parts, the catalog, named seeds, records on disk."""
