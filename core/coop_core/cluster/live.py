"""Whether a deploy commit is live, and if not, what it waits for or why it failed.

Live means all of: the sync operation succeeded, the application is Synced at that commit, and the Deployment has
finished its rollout with pods of that template. Nothing weaker counts. Pure: ask again whenever an object changed;
a failure is what is seen now, and a later commit, or a program that recovers, can still end in Live.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from coop_core.cluster import containers, labels, rollout
from coop_core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coop_core.cluster.kinds import Raw

On = Literal["application", "sync", "operation", "rollout", "pods"]
"""Which part of the platform is being waited for, in the order in which they happen."""

SHOWN_COMMIT = 7


@dataclass(frozen=True, slots=True)
class Deploy:
    """What must be live.

    source_commit: what the pod template must name; "" accepts any. Give it: it tells an old Deployment, seen a
    moment too early, from the new one. later: deploy commits known to come after `commit` on the same branch, which
    prove as much. repository: URL of the remote that holds them, "" when it does not matter.
    """

    commit: str
    source_commit: str = ""
    later: frozenset[str] = frozenset()
    repository: str = ""

    def accepts(self, revision: str) -> bool:
        return bool(revision) and (revision == self.commit or revision in self.later)


@dataclass(frozen=True, slots=True)
class Live:
    """It runs. `ready` is the number of ready pods; 0 for an environment that sleeps."""

    ready: int = 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """Not there yet. `reason` is shown to people as it is."""

    reason: str
    on: On


@dataclass(frozen=True, slots=True)
class Failed:
    """It will not become live without a change, as far as can be seen.

    detail: the platform's words, "" if there are none. pod, container: where a log explains more, or "".
    previous: whether that log belongs to the container's instance before the current one. may_be_old: it may be
    what was wrong before this deploy, and end in a moment.
    """

    reason: str
    detail: str = ""
    pod: str = ""
    container: str = ""
    previous: bool = False
    may_be_old: bool = False


Verdict = Live | Waiting | Failed


def assess(
    application: Raw | None,
    deployment: Raw | None,
    replica_sets: Iterable[Raw],
    pods: Iterable[Raw],
    commit: str | Deploy,
    *,
    events: Iterable[Raw] = (),
) -> Verdict:
    """What is known of a deploy from the objects as they are now.

    All objects are of one service in one environment; more do no harm. events: core events of the pods, which say
    best why a pod is not ready.
    """
    deploy = commit if isinstance(commit, Deploy) else Deploy(commit)
    if application is None:
        return Waiting("waiting for the agent to create the application", "application")
    not_applied = _applied(application, deploy)
    # Pods of the new template can crash while the operation still runs, so look at them in any case.
    running = _running(deployment, list(replica_sets), list(pods), deploy, events=list(events))
    if isinstance(not_applied, Failed):
        return not_applied
    if deployment is None:
        running = _without_deployment(application)
    if isinstance(running, Failed):
        return running
    return not_applied or running


def _applied(application: Raw, deploy: Deploy) -> Waiting | Failed | None:
    """Why the commit's manifests are not in the platform yet; None when they are."""
    status = application.get("status") or {}
    sync = status.get("sync") or {}
    revision = sync.get("revision", "")
    operation = status.get("operationState") or {}
    if broken := _condition(status, deploy):
        return broken
    if _operation_revision(operation) and deploy.accepts(_operation_revision(operation)):
        phase = operation.get("phase")
        if phase in ("Failed", "Error"):
            return Failed("the sync failed", _operation_message(operation))
        if phase != "Succeeded":
            return Waiting(_phrase("syncing", operation.get("message", "")), "operation")
    if not deploy.accepts(revision):
        seen = f"the application is at {short(revision)}" if revision else "the application was not compared yet"
        if other := _other_repository(application, deploy):
            return Waiting(
                f"{seen} of another repository, {other}: rename the service here, or there: coop env delete", "sync"
            )
        return Waiting(f"{seen}, this deploy is {short(deploy.commit)}", "sync")
    # Without an operation at this commit, Synced says that the platform already was what the commit asks for.
    if application.get("operation") or not operation or operation.get("phase") != "Succeeded":
        return Waiting("waiting for the sync to finish", "operation")
    if sync.get("status") != "Synced":
        return Waiting(f"the application is {one_line(str(sync.get('status', 'Unknown')), 20)}", "sync")
    return None


def _other_repository(application: Raw, deploy: Deploy) -> str:
    """The repository that the application reads, when it is not the deploy's; else "".

    One and the same may be read over SSH here and over HTTPS there.
    """
    url = str(((application.get("spec") or {}).get("source") or {}).get("repoURL", ""))
    is_same = not deploy.repository or not url or _place(url) == _place(deploy.repository)
    return "" if is_same else one_line(url, 200)


def _place(url: str) -> str:
    """Host and path of a Git URL in any of its forms, to compare by."""
    after_user = url.partition("://")[2].rpartition("@")[2] if "://" in url else url.rpartition("@")[2]
    host, separator, path = after_user.partition("/" if "://" in url else ":")
    name = f"{host.partition(':')[0].lower()}/{path}" if separator else after_user
    return name.rstrip("/").removesuffix(".git")


def _condition(status: Raw, deploy: Deploy) -> Waiting | Failed | None:
    """Application conditions that stop this deploy. Old ones, about another commit, do not count."""
    sync = status.get("sync") or {}
    revision = sync.get("revision", "")
    for condition in status.get("conditions") or []:
        kind, message = condition.get("type", ""), str(condition.get("message", ""))
        if kind == "InvalidSpecError":
            return Failed("the application is refused", one_line(message))
        if kind == "SyncError" and any(known in message for known in (deploy.commit, *deploy.later)):
            return Failed("the sync failed", one_line(message))
        if kind in ("ComparisonError", "UnknownError"):
            if deploy.accepts(revision):
                return Failed("the manifests cannot be compared", one_line(message))
            # Without a revision this may be a Git outage that passes, so it is no verdict on the commit.
            return Waiting(_phrase("the manifests cannot be compared", message), "sync")
    return None


def _running(
    deployment: Raw | None, replica_sets: list[Raw], pods: list[Raw], deploy: Deploy, *, events: list[Raw]
) -> Verdict:
    """How far the Deployment is with the deploy's own template."""
    if deployment is None:
        return Waiting("waiting for the deployment", "rollout")
    if deploy.source_commit and _source_commit(deployment) != deploy.source_commit:
        return Waiting("waiting for the deployment to take the new version", "rollout")
    progress = rollout.status(deployment)
    newest = newest_replica_set(deployment, replica_sets)
    # Until the platform has seen the template, the newest replica set is the one before it.
    is_seen = deployment["metadata"].get("generation", 0) <= (deployment.get("status") or {}).get(
        "observedGeneration", 0
    )
    mine = pods_of(newest, pods) if newest and is_seen else []
    for pod in mine:
        if trouble := containers.trouble(pod):
            return Failed(
                trouble.reason,
                trouble.detail,
                pod["metadata"]["name"],
                trouble.container,
                trouble.previous,
                may_be_old=trouble.is_of_image,
            )
    if isinstance(progress, rollout.Stuck):
        stuck = next((pod for pod in mine if not containers.is_ready(pod)), None)
        why = _unready(stuck, events) if stuck else ""
        return Failed(
            "the new version did not become ready in time",
            why or progress.reason,
            stuck["metadata"]["name"] if stuck else "",
            containers.main_container(stuck) if stuck else "",
        )
    if isinstance(progress, rollout.Rolling):
        why = next((why for pod in mine if (why := _unready(pod, events))), "")
        return Waiting(_phrase(progress.reason, why), "pods" if mine else "rollout")
    ready = sum(containers.is_ready(pod) for pod in mine)
    wanted = (deployment.get("spec") or {}).get("replicas", 1)
    if ready < wanted:
        return Waiting(f"{ready} of {wanted} pods of the new version seen ready", "pods")
    return Live(ready)


def _without_deployment(application: Raw) -> Verdict:
    """A service of other kinds alone is live when Argo CD calls it healthy; a listed Deployment must be seen."""
    status = application.get("status") or {}
    if any(resource.get("kind") == "Deployment" for resource in status.get("resources") or []):
        return Waiting("waiting for the deployment", "rollout")
    health = status.get("health") or {}
    if health.get("status") == "Healthy" and status.get("resources"):
        return Live()
    if health.get("status") == "Degraded":
        return Failed("the application is degraded", one_line(str(health.get("message", ""))))
    return Waiting(_phrase("waiting for the application to be healthy", str(health.get("message", ""))), "rollout")


def newest_replica_set(deployment: Raw, replica_sets: Iterable[Raw]) -> Raw | None:
    """The replica set of the Deployment's current revision, among those that it owns."""
    metadata = deployment["metadata"]
    revision = (metadata.get("annotations") or {}).get(labels.REVISION)
    for candidate in replica_sets:
        its = candidate["metadata"]
        owners = {owner.get("uid") for owner in its.get("ownerReferences") or []}
        if (
            revision
            and metadata.get("uid") in owners
            and (its.get("annotations") or {}).get(labels.REVISION) == revision
        ):
            return candidate
    return None


def pods_of(replica_set: Raw, pods: Iterable[Raw]) -> list[Raw]:
    """The replica set's pods that are not being deleted, by name."""
    uid = replica_set["metadata"].get("uid")
    mine = [
        pod
        for pod in pods
        if "deletionTimestamp" not in pod["metadata"]
        and any(owner.get("uid") == uid for owner in pod["metadata"].get("ownerReferences") or [])
    ]
    return sorted(mine, key=lambda pod: str(pod["metadata"]["name"]))


def short(commit: str) -> str:
    """A commit as people read it."""
    return one_line(commit, 64)[:SHOWN_COMMIT]


def _source_commit(deployment: Raw) -> str:
    template = ((deployment.get("spec") or {}).get("template") or {}).get("metadata") or {}
    return str((template.get("annotations") or {}).get(labels.SOURCE_COMMIT, ""))


def _operation_revision(operation: Raw) -> str:
    result = operation.get("syncResult") or {}
    asked = (operation.get("operation") or {}).get("sync") or {}
    return str(result.get("revision") or asked.get("revision") or "")


def _operation_message(operation: Raw) -> str:
    """The first resource that failed says more than the operation does."""
    for resource in (operation.get("syncResult") or {}).get("resources") or []:
        if resource.get("status") == "SyncFailed" and resource.get("message"):
            return one_line(f"{resource.get('kind', '')} {resource.get('name', '')}: {resource['message']}")
    return one_line(str(operation.get("message", "")))


def _unready(pod: Raw, events: list[Raw]) -> str:
    """Why a pod is not ready, in the platform's words; "" when it is ready or nobody says."""
    if containers.is_ready(pod):
        return ""
    uid = pod["metadata"].get("uid")
    about = [
        event
        for event in events
        if event.get("reason") == "Unhealthy" and (event.get("involvedObject") or {}).get("uid") == uid
    ]
    if about:
        newest = max(about, key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))
        return one_line(str(newest.get("message", "")))
    return containers.unready_reason(pod)


def _phrase(what: str, detail: str) -> str:
    cleaned = one_line(detail)
    return f"{what}: {cleaned}" if cleaned else what
