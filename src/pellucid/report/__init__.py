"""Results as one self-contained page."""

from pellucid.report.page import write as write
