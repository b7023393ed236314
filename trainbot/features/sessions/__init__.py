"""Sessions: planning, sign-ups, polls, announcements and reminders.  ``now`` is always passed in."""
