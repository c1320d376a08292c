"""Open tabs: what they show, and what has changed there."""
