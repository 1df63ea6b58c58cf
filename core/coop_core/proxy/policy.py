"""Who may read what: the one list of what passes. Pure.

Default deny. A request passes when its resource, subresource and verb are in `READABLE`, and its namespace is one
that the user sees. A list or watch of the whole cluster passes too, and shows what the user sees of it: objects are
judged one by one (`lenses.py`), Applications by the namespace that they deploy to, Namespaces by their name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coop_core.cluster import kinds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coop_core.cluster.kinds import Kind
    from coop_core.cluster.requests import Target

EVERYBODY = "*"
DEFAULT_NAMESPACES = ("main", "coop-ci", "dev-{user}")
USER_NAMESPACE = "coop-users"
"""On a cluster, a user is a service account in this namespace."""

READ_VERBS = ("get", "list", "watch")

_SLUG = re.compile(r"[a-z0-9]([-a-z0-9]{0,56}[a-z0-9])?")
_SERVICE_ACCOUNT = f"system:serviceaccount:{USER_NAMESPACE}:"


@dataclass(frozen=True, slots=True)
class Readable:
    """A kind that may be read, and the subresources of it that may be got."""

    kind: Kind
    subresources: tuple[str, ...] = ()


READABLE = (
    Readable(kinds.NAMESPACE),
    Readable(kinds.POD, ("log",)),
    Readable(kinds.SERVICE),
    Readable(kinds.EVENT),
    Readable(kinds.DEPLOYMENT),
    Readable(kinds.REPLICA_SET),
    Readable(kinds.STATEFUL_SET),
    Readable(kinds.DAEMON_SET),
    Readable(kinds.JOB),
    Readable(kinds.CRON_JOB),
    Readable(kinds.AUTOSCALER),
    Readable(kinds.PERSISTENT_VOLUME_CLAIM),
    Readable(kinds.INGRESS),
    Readable(kinds.ENDPOINT_SLICE),
    Readable(kinds.APPLICATION),
)
"""Never Secrets, nor anything that carries them; never a subresource that connects to something."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request wants, in Kubernetes' words; `verb` may be any word. Empty namespace: the whole cluster."""

    verb: str
    group: str
    resource: str
    subresource: str = ""
    namespace: str = ""
    name: str = ""

    @classmethod
    def of(cls, verb: str, target: Target) -> Asked:
        return cls(verb, target.group, target.resource, target.subresource, target.namespace, target.name)


@dataclass(frozen=True, slots=True)
class Allowed:
    """`kind` is what may be read."""

    kind: Kind


@dataclass(frozen=True, slots=True)
class Denied:
    """`message` is worded as Kubernetes does, and the same whether or not the object exists."""

    message: str


@dataclass(frozen=True, slots=True)
class Policy:
    """Namespaces by user; "*" is everybody. A user sees everybody's and their own. "{user}" is the user's name."""

    users: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: {EVERYBODY: DEFAULT_NAMESPACES})
    _namespaces: dict[str, frozenset[str]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def namespaces(self, user: str) -> frozenset[str]:
        found = self._namespaces.get(user)
        if found is None:
            named = (*self.users.get(EVERYBODY, ()), *self.users.get(user, ()))
            found = self._namespaces[user] = frozenset(name.replace("{user}", user) for name in named)
        return found

    def decide(self, user: str, asked: Asked) -> Allowed | Denied:
        kind = _readable(asked)
        if kind is None or not self._is_in_sight(user, kind, asked):
            return Denied(_forbidden(user, asked))
        return Allowed(kind)

    def _is_in_sight(self, user: str, kind: Kind, asked: Asked) -> bool:
        if kind == kinds.NAMESPACE:
            return not asked.namespace and (not asked.name or asked.name in self.namespaces(user))
        if not asked.namespace:
            return asked.verb in ("list", "watch") and not asked.name
        if kind == kinds.APPLICATION:
            return asked.namespace == kinds.ARGOCD_NAMESPACE
        return asked.namespace in self.namespaces(user)


def slug(user_name: str) -> str | None:
    """The coop user that an authenticated name stands for; None for names that are no developer's.

    The local platform's names are slugs already; on a cluster they are service accounts of one namespace.
    """
    found = user_name.removeprefix(_SERVICE_ACCOUNT)
    return found if _SLUG.fullmatch(found) else None


def _readable(asked: Asked) -> Kind | None:
    readable = _BY_NAME.get((asked.group, asked.resource))
    if readable is None:
        return None
    if asked.subresource:
        return readable.kind if asked.subresource in readable.subresources and asked.verb == "get" else None
    return readable.kind if asked.verb in READ_VERBS else None


_BY_NAME = {(readable.kind.group, readable.kind.plural): readable for readable in READABLE}


def _forbidden(user: str, asked: Asked) -> str:
    """Source: kubernetes/apiserver, pkg/endpoints/handlers/responsewriters/errors.go."""
    resource = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
    where = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
    named = f'{asked.resource} "{asked.name}"' if asked.name else asked.resource
    text = (
        f'{named} is forbidden: User "{user}" cannot {asked.verb} resource "{resource}" '
        f'in API group "{asked.group}" {where}'
    )
    return text if asked.verb in READ_VERBS and not asked.subresource else f"{text}: {_why_not(asked)}"


def _why_not(asked: Asked) -> str:
    if asked.subresource:
        return "coop offers no shell, tunnel or proxy into the platform; read logs, events and the service's URL"
    return "coop is read-only here; change what runs by a commit"
