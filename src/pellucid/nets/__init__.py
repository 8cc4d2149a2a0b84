"""PyTorch networks by name, each in one file that reads like a page."""
