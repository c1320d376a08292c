"""Events of portals: stored and committed first, processed by a worker afterwards."""
