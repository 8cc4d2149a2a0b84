"""Before the run: what a network, or the first step of a script, can be asked without training."""
