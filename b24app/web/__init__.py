"""Shared by all pages: request entry, session, frame headers, limits, error pages, uploads and downloads."""
