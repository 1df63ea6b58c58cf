"""Kubernetes events: what happened to an object, counted rather than repeated, gone after a while."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Literal

from coop_core.clock import parse_rfc3339, rfc3339
from coop_core.cluster import kinds
from coop_core.local.controllers.loop import Controller, Key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.local.objects import Objects

LIFETIME_S = 3600.0
KEPT = 300
"""Events of one namespace. Whoever saves every few seconds makes a thousand in their hour."""
FLUSH_S = 0.02
"""Events wait this long before they are written, so that they never delay what they tell of."""
NOTE_LIMIT = 1024
"""Kubernetes' own limit on an event's message."""

EventType = Literal["Normal", "Warning"]


class Recorder:
    """Writes events for one component, e.g. "kubelet"."""

    def __init__(self, objects: Objects, component: str) -> None:
        self._objects = objects
        self._component = component
        self._pending: list[tuple[Raw, float]] = []
        self._timer: asyncio.TimerHandle | None = None

    def normal(self, about: Raw, reason: str, message: str, *, field_path: str = "") -> None:
        self._note(about, "Normal", reason, message, field_path)

    def warning(self, about: Raw, reason: str, message: str, *, field_path: str = "") -> None:
        self._note(about, "Warning", reason, message, field_path)

    def flush(self) -> None:
        """Writes what waits; to be called before the store closes."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        pending, self._pending = self._pending, []
        for event, at_s in pending:
            self._write(event, at_s)

    def _note(self, about: Raw, event_type: EventType, reason: str, message: str, field_path: str) -> None:
        self._pending.append(
            (self._body(about, event_type, reason, message, field_path), self._objects.clock.now_s())
        )
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_S, self.flush)

    def _body(self, about: Raw, event_type: EventType, reason: str, message: str, field_path: str) -> Raw:
        metadata = about["metadata"]
        involved = {
            "apiVersion": about.get("apiVersion", ""),
            "kind": about.get("kind", ""),
            "name": metadata["name"],
            "namespace": metadata.get("namespace", ""),
            "uid": metadata.get("uid", ""),
            "resourceVersion": metadata.get("resourceVersion", ""),
        }
        if field_path:
            involved["fieldPath"] = field_path
        # One name per distinct event: the same thing happening again finds its own count, also after a restart.
        told = "\0".join((involved["uid"], field_path, event_type, reason, message, self._component))
        name = f"{metadata['name'][:230]}.{hashlib.sha256(told.encode()).hexdigest()[:16]}"
        return {
            "metadata": {"name": name, "namespace": metadata.get("namespace") or "default"},
            "involvedObject": involved,
            "reason": reason,
            "message": message[:NOTE_LIMIT],
            "type": event_type,
            "source": {"component": self._component, "host": "local"},
            "reportingComponent": self._component,
            "reportingInstance": "local",
        }

    def _write(self, event: Raw, at_s: float) -> None:
        metadata = event["metadata"]
        if not self._takes_events(metadata["namespace"]):
            return
        seen = self._objects.find(kinds.EVENT, metadata["namespace"], metadata["name"])
        now = rfc3339(at_s)
        if seen is None:
            times = {"count": 1, "firstTimestamp": now, "lastTimestamp": now, "eventTime": None}
            self._objects.create(kinds.EVENT, {**event, **times})
        else:
            self._objects.update(kinds.EVENT, {**seen, "count": seen.get("count", 1) + 1, "lastTimestamp": now})

    def _takes_events(self, namespace: str) -> bool:
        """An event of the last moments of a namespace is dropped: it would keep, or outlive, the namespace."""
        found = self._objects.find(kinds.NAMESPACE, "", namespace)
        if found is None:
            return namespace == "default"
        return "deletionTimestamp" not in found["metadata"]


class EventExpiry(Controller):
    """Takes events away an hour after they were last seen, or when a namespace has KEPT newer ones."""

    name = "events"
    watches = (kinds.EVENT,)

    def __init__(self, objects: Objects) -> None:
        super().__init__(objects)
        self._seen: dict[str, dict[Key, None]] = {}
        """By namespace, in the order in which they were last heard of."""

    def keys(self, kind: Kind, body: Raw) -> Iterable[Key]:
        yield (body["metadata"]["namespace"], body["metadata"]["name"])

    async def reconcile(self, key: Key) -> float | None:
        event = self.objects.find(kinds.EVENT, *key)
        seen = self._seen.setdefault(key[0], {})
        seen.pop(key, None)
        if event is None:
            return None
        seen[key] = None
        if len(seen) > KEPT:
            oldest = next(iter(seen))
            del seen[oldest]
            if self.objects.find(kinds.EVENT, *oldest):
                self.objects.delete(kinds.EVENT, *oldest)
        seen_s = parse_rfc3339(
            event.get("lastTimestamp") or event.get("eventTime") or event["metadata"]["creationTimestamp"]
        )
        left_s = (seen_s or 0.0) + LIFETIME_S - self.objects.clock.now_s()
        if left_s > 0:
            return left_s
        self.objects.delete(kinds.EVENT, *key)
        return None
