"""Networks made of the layers of scratch, each in one file that reads like a page."""
