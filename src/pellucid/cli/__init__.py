"""What you type: one file a command, in `commands/`."""
