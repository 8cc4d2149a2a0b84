"""The development corpus of the doctor: healthy programs, planted faults, traps, and a runner."""
