"""Change one thing, compare, keep notes."""
