"""A class on one machine, for looking at: an IRC server, a chat prompt, a tour."""
