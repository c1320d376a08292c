"""What was done in a portal: the audit trail, append-only."""
