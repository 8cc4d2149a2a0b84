"""The tasks: each file has its class as `TASK`."""
