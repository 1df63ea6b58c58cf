"""Attempts to get more out of the proxy than it grants, byte for byte as an attacker would send them.

By class. Nothing may come of those in `REFUSED`; those in `FILTERED` are answered with what the user may see.
"""

from __future__ import annotations

from tests.proxy.attempts import connecting, framing, identity, leaks, paths, queries, resources, writes

REFUSED: dict[str, dict[str, bytes]] = {
    **connecting.CLASSES,
    **paths.CLASSES,
    **resources.CLASSES,
    **writes.CLASSES,
    **identity.CLASSES,
    **framing.CLASSES,
    **queries.CLASSES,
}
FILTERED: dict[str, dict[str, bytes]] = leaks.CLASSES
