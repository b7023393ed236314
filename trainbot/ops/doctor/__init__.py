"""``trainbot doctor``: looks at the live installation, says what is wrong, why that matters, and what mends it.

For each subject a module that looks (I/O, bounded in time, changes nothing) and one that judges what was seen (pure):
host*, image*, irc*, store*, gateway*.  ``here`` is what they share, ``examine`` runs them all at once.
"""
