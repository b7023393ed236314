"""The IRC adapter: the only package that imports jaraco's ``irc`` and knows the protocol."""
