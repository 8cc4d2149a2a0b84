"""Data sets as arrays, with a card and a sealed test split."""
