"""The ssh door: one address for every lab, a process of its own, the only importer of asyncssh.

``model`` (its configuration), ``routes`` (who gets to which lab), ``process`` (start, stop, is it running) and
``hostkey.fingerprint`` are for others; ``server``, ``door``, ``lab`` and ``pipe`` run in the gateway only.
"""
