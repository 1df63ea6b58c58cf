"""coop's domain: what a service is, how it reaches Git, and what the platform makes of it. Knows no terminal."""
