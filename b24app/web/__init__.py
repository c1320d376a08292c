"""What every page shares: entries, session, frame headers, throttle, error states, uploads and downloads."""
