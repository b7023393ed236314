"""The question queue: nothing asked is lost."""
