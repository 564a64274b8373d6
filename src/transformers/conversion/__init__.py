"""Plan, run, verify: from the named arrays of a checkpoint to the weights of a model. Knows rules, knows no family."""
