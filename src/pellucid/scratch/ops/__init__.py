"""The operations: each file is a family, each class in it below `Op` an operation."""
