"""``trainbot demo``: a class on this machine, with everything real."""
