"""The timeline of a class, its minutes, and exports."""
