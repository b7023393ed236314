"""``trainbot host prepare``: makes a plain Debian dom0 a host of trainbot's, over ssh.

facts.sh runs there, facts.py reads what it said, plan*.py (pure) compare it with what is wanted and give steps,
reach.py runs those, copying.py brings the images.  files/ is what gets installed there.
"""
