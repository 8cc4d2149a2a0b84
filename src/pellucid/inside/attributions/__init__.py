"""The attributions: each file has its function as `attribute`."""
