"""trainbot: an IRC bot for remote hands-on training."""

__version__ = "0.1.0"
