from __future__ import annotations

from tests.kube.serving import api, client
from tests.proxy.serving import ada, proxy

__all__ = ["ada", "api", "client", "proxy"]
