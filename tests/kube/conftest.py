from __future__ import annotations

from tests.kube.serving import api, client

__all__ = ["api", "client"]
