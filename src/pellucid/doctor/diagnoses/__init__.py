"""The diagnoses: one file each."""
