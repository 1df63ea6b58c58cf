from __future__ import annotations

from kube.serving import api, client

__all__ = ["api", "client"]
