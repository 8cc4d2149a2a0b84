"""The arithmetic behind one number of a recorded call, checked against PyTorch's own value."""
