"""Bulk work: what will happen is shown first, survives anything, and can be undone as a whole."""
