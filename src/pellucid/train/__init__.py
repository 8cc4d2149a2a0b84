"""Making it learn: a recipe, one visible loop, tasks, metrics with their uncertainty, runs."""
