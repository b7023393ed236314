"""``trainbot rehearse``: creates the labs of a session, logs in to them and runs the exercise, before the class.

``runner`` does the work, with ``bot_client`` and ``exercise_player``; ``report`` decides on go or no-go and is pure.
"""
