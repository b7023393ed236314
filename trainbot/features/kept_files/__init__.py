"""Archives of people's own files, kept when their lab ends."""
