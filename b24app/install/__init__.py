"""Installation, again and again without duplicates; update and uninstall."""
