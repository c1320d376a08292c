"""For whoever runs the app: commands, and an admin site that shows no secret. Owns no table."""
