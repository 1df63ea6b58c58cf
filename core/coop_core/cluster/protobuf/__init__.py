"""Request bodies in protobuf, as Go's typed clients send them: bytes in, JSON out. Pure; nothing is ever encoded.

Source: Kubernetes "API concepts", alternate representations of resources.
"""

from __future__ import annotations

from coop_core.cluster.protobuf.decoding import MEDIA_TYPE, read
from coop_core.cluster.protobuf.table import knows, name_of
from coop_core.cluster.protobuf.wire import Malformed

__all__ = ["MEDIA_TYPE", "Malformed", "knows", "name_of", "read"]
