"""The ssh gateway: one address for all labs, a process of its own, the only importer of asyncssh.

Other packages use ``settings``, ``routes``, ``process``, ``supervisor``, ``hostkey``, ``ssh_probe``, ``trial_login`` and
``rpc.gateway_client``; the other modules run only in the gateway, and those of ``worker`` only in its worker processes.
"""
