"""The door to the machines that run labs.  One module a kind; callers see only ``hosts.model``."""
