"""Clients written elsewhere against the local platform: what works is written to docs/clients.md."""
