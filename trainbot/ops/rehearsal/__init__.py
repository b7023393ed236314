"""``trainbot rehearse``: the seats of a session are made, logged in to and worked in before its people come.

``desk`` answers for the bot; ``conducting`` is the shell's side; ``verdict`` says go or no-go and is pure.
"""
