"""Hooks: objects that run at a point of a sync instead of being kept, as their annotations say. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw

PHASES = ("PreSync", "Sync", "PostSync", "SyncFail")
"""In the order in which they come; SyncFail only after a failure."""
SKIP = "Skip"
WAVE = "argocd.argoproj.io/sync-wave"
OPERATION = "coop.internal/sync-operation"
"""On a hook's object: the operation that made it, so that a crash does not make it twice."""
FINALIZER = "argocd.argoproj.io/hook-finalizer"
"""Keeps a hook's object until its end has been seen, whatever its own time to live."""

_HOOK, _POLICY = "argocd.argoproj.io/hook", "argocd.argoproj.io/hook-delete-policy"
_HELM_HOOK, _HELM_POLICY, _HELM_WEIGHT = "helm.sh/hook", "helm.sh/hook-delete-policy", "helm.sh/hook-weight"
_HELM_PHASES = {
    "pre-install": "PreSync",
    "pre-upgrade": "PreSync",
    "post-install": "PostSync",
    "post-upgrade": "PostSync",
}
_HELM_POLICIES = {
    "before-hook-creation": "BeforeHookCreation",
    "hook-succeeded": "HookSucceeded",
    "hook-failed": "HookFailed",
}


@dataclass(frozen=True, slots=True)
class Hook:
    """phases: when it runs; none for one that this platform never runs. policies: when its object is deleted."""

    phases: tuple[str, ...]
    policies: frozenset[str]
    words: str
    """The annotation's own, e.g. "PostDelete"."""


def of(body: Raw) -> Hook | None:
    """The hook that an object is; None for an object that is kept."""
    annotations = (body.get("metadata") or {}).get("annotations") or {}
    words = str(annotations.get(_HOOK) or annotations.get(_HELM_HOOK) or "")
    asked = _split(words)
    if not asked or asked == ["crd-install"]:
        return None
    named = [_HELM_PHASES.get(one, one) for one in asked]
    phases = () if SKIP in named else tuple(phase for phase in PHASES if phase in named)
    policies = [
        _HELM_POLICIES.get(one, one) for one in _split(annotations.get(_POLICY) or annotations.get(_HELM_POLICY))
    ]
    return Hook(phases, frozenset(policies or ["BeforeHookCreation"]), words)


def wave(body: Raw) -> int:
    """Lower waves come first; 0 when it says nothing, or nothing that is a number."""
    annotations = (body.get("metadata") or {}).get("annotations") or {}
    text = str(annotations.get(WAVE) or annotations.get(_HELM_WEIGHT) or "0")
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdecimal() and len(digits) < 10 else 0


def _split(words: object) -> list[str]:
    return [one.strip() for one in str(words or "").split(",") if one.strip()]
