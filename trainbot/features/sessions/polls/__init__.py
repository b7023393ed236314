"""Polls: asks people which times suit them and finds the sessions that suit the most people.

Everything except ``poll_commands`` is pure and independent of IRC: words, values and moments in, values and words out.
"""
