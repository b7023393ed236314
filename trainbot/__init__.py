"""trainbot: an IRC bot for remote hands-on training."""

__version__ = "0.2.0"
