"""Classes: presenting an exercise step by step, learners' progress, scripts in their labs."""
