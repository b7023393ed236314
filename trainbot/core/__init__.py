"""The way of a message: data in, decisions, data out.  Imports nothing but errors."""
