"""What the portal tells us: stored first, worked after commit."""
