"""Who we work for: portals, their users, their tokens, and the proof that a request comes from them."""
