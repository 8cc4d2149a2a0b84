"""The commands: each file has an `app` (Typer); its docstring's first line is the menu text."""
