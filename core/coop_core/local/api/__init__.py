"""The Kubernetes-shaped API server of the local platform.

`ApiServer` is all that the rest of coop needs; `PodLogs` is what it needs of the runtime.
"""

from coop_core.local.api.logs import LogRequest, PodLogs
from coop_core.local.api.server import ApiServer

__all__ = ["ApiServer", "LogRequest", "PodLogs"]
