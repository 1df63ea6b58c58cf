"""One loopback port for every service, routed by Host."""
