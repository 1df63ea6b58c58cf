from __future__ import annotations

from kube.serving import api, client

from proxy.serving import ada, proxy

__all__ = ["ada", "api", "client", "proxy"]
