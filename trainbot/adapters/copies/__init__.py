"""Copies of the whole installation as files: which files belong to one, how they are sent, and how a folder keeps them.

A copy is a folder: ``manifest.json`` (which files, with their digests), ``trainbot.db`` and the other files as they were
when it was made, ``changes`` (what was committed since, appended all the time) and ``beat.json`` (how much that is).
"""
