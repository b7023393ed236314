"""``trainbot host prepare``: turns a plain Debian dom0 into a lab host, over ssh.

facts.sh runs there, facts.py reads its output, plan*.py (pure) compare it with the desired state and return steps,
remote_shell.py runs those, copying.py brings the images.  files/ is what gets installed there.
"""
