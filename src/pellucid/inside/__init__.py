"""Instruments that show what a trained network does."""

from pellucid.inside.looking import look as look
