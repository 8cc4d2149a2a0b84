"""Records of what PyTorch really does, taken without changing a bit of it."""
