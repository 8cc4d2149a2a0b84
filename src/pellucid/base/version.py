"""The version of this package, known without loading the rest of it."""

VERSION = "0.1.0"
