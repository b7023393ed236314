"""``trainbot host prepare``: turns a plain Debian machine, a Xen dom0 or one with KVM, into a lab host, over ssh.

hypervisors.py has what differs between the two.  facts.sh runs there, facts.py reads its output, plan*.py (pure) compare
it with the desired state and return steps, remote_shell.py runs those, copying.py brings the images.  files/ is what gets
installed there.
"""
