"""Sessions: what is planned, when that is for everyone, and what is said about it.  Pure: no store,
no clock, no network; ``now`` is always passed in, the schedule folder is the only thing read."""
