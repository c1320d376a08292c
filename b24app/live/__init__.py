"""Which open pages show what, and what has changed there."""
