"""The core of the bot: messages, commands, dispatch, help, time zones, and helpers for all parts."""
