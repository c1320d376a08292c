"""The Orders tab in the deal card: what it shows and what can be done in it."""
