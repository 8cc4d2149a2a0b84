"""Instruments that show what a trained network does."""
