"""The search for the knobs of a training run, on the validation split alone."""
