"""The instruments: each file has its function as `measure`."""
