"""Identifies people: by services account, or by nick!user@host while it is in view."""
