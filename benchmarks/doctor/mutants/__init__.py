"""The faults that are planted, one file for each healthy program."""
