"""The IRC door: the only place that imports jaraco's ``irc`` and that knows the protocol's lines."""
