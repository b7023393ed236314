"""Courses as people see them: one's own, and all of one for its organisers."""
