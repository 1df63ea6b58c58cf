"""One loopback port for every service, routed by Host."""

from coop_core.local.router.server import Router

__all__ = ["Router"]
