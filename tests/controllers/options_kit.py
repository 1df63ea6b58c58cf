"""Applications with sync options, and what others do to their objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coop_core.clock import rfc3339
from coop_core.cluster.managed_fields import Manager
from coop_core.local.fields import fields_of
from tests.runtime.running_kit import NAMESPACE

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Kind, Raw
    from tests.controllers.git_kit import App, DeployRepository
    from tests.runtime.running_kit import Bench

SERVER_SIDE = ("ServerSideApply=true",)
OWN_OPTIONS = "argocd.argoproj.io/sync-options"


def policy(*options: str, heals: bool = True, prunes: bool = True) -> Raw:
    return {"syncPolicy": {"automated": {"prune": prunes, "selfHeal": heals}, "syncOptions": list(options)}}


def ignoring(**rule: Any) -> Raw:
    return {"ignoreDifferences": [{"group": "apps", "kind": "Deployment", **rule}]}


def with_options(body: Raw, options: str) -> Raw:
    return {**body, "metadata": {**body["metadata"], "annotations": {OWN_OPTIONS: options}}}


def deployment(**spec: Any) -> Raw:
    container = {"name": "web", "image": "web:1"}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template, **spec},
    }


def write(bench: Bench, kind: Kind, name: str, change: Raw, manager: str) -> None:
    """Applies a change as somebody else would, by force."""
    live = bench.objects.get(kind, NAMESPACE, name)
    fields, who = fields_of(kind, None), Manager(manager, "Apply", kind.api_version)
    bench.objects.update(kind, fields.applied(live, change, who, force=True, time=rfc3339(1.0)))


def live(bench: Bench, kind: Kind, name: str) -> Raw:
    return bench.objects.get(kind, NAMESPACE, name)


def managers(body: Raw) -> set[tuple[str, str]]:
    return {(one["manager"], one["operation"]) for one in body["metadata"].get("managedFields") or []}


def messages(state: Raw) -> list[str]:
    return [one["message"] for one in state["syncResult"]["resources"]]


async def synced(app: App, git: DeployRepository, *objects: Raw) -> Raw:
    """The operation that brought these manifests, and no others."""
    commit = git.commit({f"web/{number}.yaml": one for number, one in enumerate(objects)})
    app.refresh()
    state: Raw = (await app.until_synced(commit))["operationState"]
    return state
