"""``trainbot doctor``: examines the live installation; says what is wrong, why it matters, and how to fix it.

Each subject has an ``examine_*`` module that collects facts (I/O, limited in time, changes nothing) and a ``*_findings``
module that judges them (pure).  ``here`` has the shared facts; ``examine`` runs all subjects at once.
"""
