"""The page of `pellucid look`: each file draws what one kind of instrument found."""
