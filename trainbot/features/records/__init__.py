"""The time line of a class, its minutes, exports."""
