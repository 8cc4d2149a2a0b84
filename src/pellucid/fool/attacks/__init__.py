"""Attacks by name, each in one file: `NORM`, `BUDGET` and `attack(task)`."""
