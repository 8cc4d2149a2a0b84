"""Cures that are tried on whole runs of a script, with and without, over seeds."""
