"""Corruptions by name, each in one file: five severities, from slight to strong."""
