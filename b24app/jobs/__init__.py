"""Bulk work: what will happen is shown first, survives anything, and can be taken back as a whole."""
