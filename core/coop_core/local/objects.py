"""What a write means: identity, generations, optimistic locking, finalizers.

The HTTP server and the controllers write through here, so both get the same rules. Owns no I/O of its own.
"""

from __future__ import annotations

import secrets
import uuid
from typing import TYPE_CHECKING

from coop_core.clock import Clock, rfc3339
from coop_core.cluster import defaults, definitions, shapes, validation
from coop_core.cluster.kinds import DEFINITION, JOB, NAMESPACE, POD, SERVICE
from coop_core.local.catalog import Catalog
from coop_core.local.rules.judge import Judge

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.cluster.validation import Cause
    from coop_core.local.store import Store

_NAME_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_OWNED_BY_SERVER = ("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds")


class NotFound(Exception):
    """There is no such object."""


class AlreadyExists(Exception):
    """Create, and the name is taken."""


class Conflict(Exception):
    """The object changed since it was read, or it is another one of the same name."""


class NamespaceEnding(Conflict):
    """Create, in a namespace that is being deleted."""


class Invalid(Exception):
    """The object breaks the rules of its kind; `causes` has every one found."""

    def __init__(self, causes: tuple[Cause, ...]) -> None:
        super().__init__("; ".join(f"{cause.field}: {cause.message}" for cause in causes))
        self.causes = causes


class Malformed(Exception):
    """A field has a value of the wrong type."""


class Objects:
    """Objects with Kubernetes' write semantics. What is returned is shared: copy before changing."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.catalog = Catalog(store)
        self._judge = Judge()

    def close(self) -> None:
        """Ends what was started for judging objects. The store stays open."""
        self._judge.close()

    def find(self, kind: Kind, namespace: str, name: str) -> Raw | None:
        return self.store.get(kind, namespace, name)

    def get(self, kind: Kind, namespace: str, name: str) -> Raw:
        found = self.store.get(kind, namespace, name)
        if found is None:
            raise NotFound(f'{kind.plural} "{name}" not found')
        return found

    def select(self, kind: Kind, namespace: str | None = None, labels: dict[str, str] | None = None) -> list[Raw]:
        """Objects that carry all of `labels`, in order of namespace and name."""
        wanted = (labels or {}).items()
        return [
            found
            for found in self.store.objects(kind, namespace)
            if wanted <= (found["metadata"].get("labels") or {}).items()
        ]

    def create(self, kind: Kind, body: Raw) -> Raw:
        """Stores a new object, with its kind's defaults, once it is valid.

        `metadata.generateName` gives it a name of its own when it has none. Raises AlreadyExists, Malformed,
        Invalid and NamespaceEnding.
        """
        return self.store.put(kind, self.admitted(kind, body))

    def admitted(self, kind: Kind, body: Raw) -> Raw:
        """What `create` would store, revision aside; raises what it would raise."""
        _refuse_misfit(kind, body)
        metadata = self._new_metadata(kind, body.get("metadata") or {})
        new = {**body, "apiVersion": self._stored_version(kind), "kind": kind.name, "metadata": metadata}
        if kind.has_status and not kind.is_custom:
            new["status"] = body.get("status") or {}
        new = self._completed(kind, new)
        if kind == SERVICE:
            new = self._with_cluster_ip(new)
        if kind == JOB:
            new = _with_selector(new)
        if kind == NAMESPACE:
            # Taken off again by the namespace controller, once nothing lives there any more.
            new["spec"] = {"finalizers": ["kubernetes"], **(body.get("spec") or {})}
        _refuse(self._causes(kind, new, None))
        if kind == DEFINITION:
            new = self._with_verdict(new)
        if self.store.get(kind, metadata.get("namespace", ""), metadata["name"]) is not None:
            raise AlreadyExists(f'{kind.plural} "{metadata["name"]}" already exists')
        if kind.namespaced:
            self._refuse_ending_namespace(metadata.get("namespace", ""))
        return new

    def update(self, kind: Kind, body: Raw) -> Raw:
        """Replaces everything but what the server owns, and but status where that is a subresource.

        Raises NotFound, Malformed, Invalid, and Conflict when `body` carries a resourceVersion or uid that is not
        the current one. A write that changes nothing is not a change: same revision, no event.
        """
        old = self._current(kind, body)
        return self._settle(kind, old, self._updated(kind, old, body))

    def updated(self, kind: Kind, body: Raw) -> Raw:
        """What `update` would store, revision aside; raises what it would raise."""
        return self._updated(kind, self._current(kind, body), body)

    def _updated(self, kind: Kind, old: Raw, body: Raw) -> Raw:
        _refuse_misfit(kind, body)
        metadata = self._kept(old, body)
        new = {**body, "apiVersion": self._stored_version(kind), "kind": kind.name, "metadata": metadata}
        if kind.has_status:
            new.pop("status", None)
            if "status" in old:
                new["status"] = old["status"]
        new = self._completed(kind, new)
        if kind == SERVICE:
            new = self._with_cluster_ip(new, old)
        _refuse(self._causes(kind, new, old) + validation.update_causes(kind, old, new))
        if kind == DEFINITION:
            new = self._with_verdict(new)
        if _meaning(new, kind) != _meaning(old, kind):
            new["metadata"]["generation"] = old["metadata"].get("generation", 1) + 1
        return new

    def update_status(self, kind: Kind, body: Raw) -> Raw:
        """Replaces status alone. Raises NotFound, Malformed, and Conflict as `update` does."""
        return self._settle(kind, self._current(kind, body), self.status_updated(kind, body))

    def status_updated(self, kind: Kind, body: Raw) -> Raw:
        """What `update_status` would store, revision aside; raises what it would raise."""
        _refuse_misfit(kind, body)
        current = self._current(kind, body)
        metadata = {**current["metadata"], **{k: v for k, v in body["metadata"].items() if k == "managedFields"}}
        new = {**current, "metadata": metadata, "status": body.get("status") or {}}
        if kind == DEFINITION:
            return self._with_verdict(new)
        custom = self.catalog.custom(kind)
        if custom:
            new = custom.fitted(new)
            _refuse(self._judge.of_object(custom, new, current))
        return new

    def delete(
        self, kind: Kind, namespace: str, name: str, *, grace_s: int = 0, finalizers: tuple[str, ...] = ()
    ) -> Raw:
        """Deletes, or marks as being deleted while finalizers (or, for a pod, its process) keep it.

        grace_s: how long the process may take to end; whoever ends it deletes again with 0. A second delete may
        shorten the time, never lengthen it. finalizers: added to the object's own as its deletion begins.
        Dependents are collected by the garbage collector, not here.
        """
        old = self.get(kind, namespace, name)
        metadata = old["metadata"]
        left_s = min(grace_s, metadata.get("deletionGracePeriodSeconds", grace_s))
        is_marked = "deletionTimestamp" in metadata
        held = list(metadata.get("finalizers") or ())
        if not is_marked:
            if kind == DEFINITION and self._instances(old):
                finalizers = (*finalizers, definitions.CLEANUP)
            held += [finalizer for finalizer in finalizers if finalizer not in held]
        if not held and not left_s and not _holds_content(kind, old):
            return self._remove(kind, old)
        if is_marked and left_s == metadata.get("deletionGracePeriodSeconds"):
            return old
        marked = {
            **metadata,
            "deletionTimestamp": rfc3339(self.clock.now_s() + left_s),
            "deletionGracePeriodSeconds": left_s,
            "generation": metadata.get("generation", 1) + (0 if is_marked else 1),
            **({"finalizers": held} if held else {}),
        }
        new = {**old, "metadata": marked}
        if kind == NAMESPACE:
            new["status"] = {**(old.get("status") or {}), "phase": "Terminating"}
        stored = self.store.put(kind, new)
        if kind == DEFINITION and definitions.CLEANUP in held:
            for instance_kind, instance in self._instances(old):
                where = instance["metadata"]
                self.delete(instance_kind, where.get("namespace", ""), where["name"])
        return stored

    def _instances(self, definition: Raw) -> list[tuple[Kind, Raw]]:
        """The objects of a custom kind."""
        spec = definition["spec"]
        path = (spec["group"], spec["names"]["plural"])
        found = [kind for kind in self.catalog.stored if (kind.group, kind.plural) == path and kind.is_custom]
        return [(kind, body) for kind in found for body in self.store.objects(kind)]

    def _remove(self, kind: Kind, body: Raw) -> Raw:
        metadata = body["metadata"]
        gone = self.store.remove(kind, metadata.get("namespace", ""), metadata["name"]) or body
        definition = self.find(DEFINITION, "", f"{kind.plural}.{kind.group}") if kind.is_custom else None
        if definition and "deletionTimestamp" in definition["metadata"] and not self._instances(definition):
            kept = [one for one in definition["metadata"]["finalizers"] if one != definitions.CLEANUP]
            self.update(DEFINITION, {**definition, "metadata": {**definition["metadata"], "finalizers": kept}})
        return gone

    def _stored_version(self, kind: Kind) -> str:
        custom = self.catalog.custom(kind)
        return f"{kind.group}/{custom.storage_version}" if custom else kind.api_version

    def _completed(self, kind: Kind, body: Raw) -> Raw:
        custom = self.catalog.custom(kind)
        return custom.fitted(body) if custom else defaults.defaulted(kind, body)

    def _causes(self, kind: Kind, body: Raw, old: Raw | None) -> tuple[Cause, ...]:
        """What is wrong with an object. old: what it was before, which the rules of custom kinds may look at."""
        custom = self.catalog.custom(kind)
        found = validation.causes(kind, body)
        if kind == DEFINITION and not found:
            return self._judge.of_definition(body, old)
        return found + (self._judge.of_object(custom, body, old) if custom else ())

    def _with_verdict(self, definition: Raw) -> Raw:
        """A definition counts at once: nobody else has to look at it first."""
        others = self.store.objects(DEFINITION)
        return definitions.with_status(definition, others, rfc3339(self.clock.now_s()))

    def _new_metadata(self, kind: Kind, given: Raw) -> Raw:
        metadata = dict(given)
        if not metadata.get("name") and metadata.get("generateName"):
            suffix = "".join(secrets.choice(_NAME_ALPHABET) for _ in range(5))
            metadata["name"] = f"{metadata['generateName'][:58]}{suffix}"
        for field in (*_OWNED_BY_SERVER, "resourceVersion", "selfLink"):
            metadata.pop(field, None)
        if not kind.namespaced:
            metadata.pop("namespace", None)
        return metadata | {
            "uid": str(uuid.uuid4()),
            "creationTimestamp": rfc3339(self.clock.now_s()),
            "generation": 1,
        }

    def _refuse_ending_namespace(self, name: str) -> None:
        namespace = self.store.get(NAMESPACE, "", name)
        if namespace is not None and "deletionTimestamp" in namespace["metadata"]:
            raise NamespaceEnding(
                f"unable to create new content in namespace {name} because it is being terminated"
            )

    def _with_cluster_ip(self, service: Raw, old: Raw | None = None) -> Raw:
        """A Service gets an address of its own once, for show: here, the router's ports do the work."""
        spec = service["spec"]
        if spec.get("clusterIP") or spec.get("type") == "ExternalName":
            return service
        address = (old or {}).get("spec", {}).get("clusterIP") or self._free_cluster_ip()
        return {**service, "spec": {**spec, "clusterIP": address, "clusterIPs": [address]}}

    def _free_cluster_ip(self) -> str:
        taken = {service["spec"].get("clusterIP") for service in self.store.objects(SERVICE)}
        while True:
            address = f"10.96.{secrets.randbelow(256)}.{1 + secrets.randbelow(254)}"
            if address not in taken:
                return address

    def _current(self, kind: Kind, body: Raw) -> Raw:
        metadata = body["metadata"]
        old = self.get(kind, metadata.get("namespace", ""), metadata["name"])
        for field in ("resourceVersion", "uid"):
            claimed = metadata.get(field)
            if claimed and claimed != old["metadata"][field]:
                raise Conflict(
                    "the object has been modified; please apply your changes to the latest version and try again"
                )
        return old

    def _kept(self, old: Raw, body: Raw) -> Raw:
        kept: Raw = dict(body["metadata"])
        for field in _OWNED_BY_SERVER:
            kept.pop(field, None)
            if field in old["metadata"]:
                kept[field] = old["metadata"][field]
        kept["resourceVersion"] = old["metadata"]["resourceVersion"]
        return kept

    def _settle(self, kind: Kind, old: Raw, new: Raw) -> Raw:
        if new == old:
            return old
        metadata = new["metadata"]
        is_held = bool(metadata.get("finalizers")) or _holds_content(kind, new)
        if "deletionTimestamp" in metadata and not is_held and not metadata.get("deletionGracePeriodSeconds"):
            # One write, not two: a kill in between would leave an object that nobody holds and nobody removes.
            self._remove(kind, new)
            return new
        return self.store.put(kind, new)


def _refuse_misfit(kind: Kind, body: Raw) -> None:
    problem = shapes.misfit(kind, body)
    if problem:
        raise Malformed(f'{kind.name} in version "{kind.version}" cannot be handled as a {kind.name}: {problem}')


def _refuse(causes: tuple[Cause, ...]) -> None:
    if causes:
        raise Invalid(causes)


def _with_selector(job: Raw) -> Raw:
    """A Job that selects its own pods and nobody else's."""
    spec, metadata = job["spec"], job["metadata"]
    if spec.get("manualSelector"):
        return job
    name = (metadata.get("name") or "")[:63]
    marks = {"batch.kubernetes.io/controller-uid": metadata["uid"], "batch.kubernetes.io/job-name": name}
    template = spec["template"]
    labels = (template["metadata"].get("labels") or {}) | marks
    template = {**template, "metadata": {**template["metadata"], "labels": labels}}
    selector = {"matchLabels": {"batch.kubernetes.io/controller-uid": metadata["uid"]}}
    return {**job, "spec": {**spec, "selector": selector, "template": template}}


def _holds_content(kind: Kind, body: Raw) -> bool:
    """Whether this is a Namespace whose content is still there: `spec.finalizers` says so."""
    return kind == NAMESPACE and bool((body.get("spec") or {}).get("finalizers"))


def default_grace_s(kind: Kind, body: Raw) -> int:
    """How long an object asks for when its deletion does not say: a pod's own wish, else none.

    None either for a pod that no process was ever started for.
    """
    if kind != POD:
        return 0
    spec, status = body.get("spec") or {}, body.get("status") or {}
    if not spec.get("nodeName") and not status.get("containerStatuses"):
        return 0
    return int(spec.get("terminationGracePeriodSeconds", 30))


def _meaning(body: Raw, kind: Kind) -> Raw:
    """What a generation counts: all but metadata and, where it is a subresource, status."""
    ignored = {"metadata", "apiVersion", "kind"} | ({"status"} if kind.has_status else set())
    return {name: value for name, value in body.items() if name not in ignored}
