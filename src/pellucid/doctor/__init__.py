"""Diagnoses of a training, each with its proof, and the smallest change that mends it."""
