"""A bare repository that plays the deploy repository of an Application."""

from __future__ import annotations

import json
import os
import subprocess
import time
from typing import TYPE_CHECKING, Any

from coop_core.clock import rfc3339
from coop_core.cluster import kinds, labels
from tests.runtime.running_kit import NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from coop_core.cluster.kinds import Raw
    from tests.runtime.running_kit import Bench

BRANCH = f"refs/heads/env/{NAMESPACE}"
NAME = "dev-ada-web"
_WHO = {f"GIT_{who}_{what}": "ada" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


class DeployRepository:
    """folder: where the bare repository is made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._git("init", "--quiet", "--bare", str(folder))

    @property
    def url(self) -> str:
        return str(self.folder)

    def commit(self, files: Mapping[str, str | Raw], branch: str = BRANCH) -> str:
        """Makes `files` the whole content of the branch; objects are written as JSON, which is YAML."""
        stream = [f"commit {branch}", "committer ada <ada@example.org> now", "data 6", "deploy", "deleteall"]
        for path, content in files.items():
            text = content if isinstance(content, str) else json.dumps(content)
            stream += [f"M 100644 inline {path}", f"data {len(text.encode())}", text]
        self._git("fast-import", "--quiet", "--force", "--date-format=now", given="\n".join(stream) + "\n")
        return self._git("rev-parse", branch).strip()

    def delete(self, branch: str = BRANCH) -> None:
        self._git("update-ref", "-d", branch)

    def _git(self, *arguments: str, given: str = "") -> str:
        where = [] if arguments[0] == "init" else [f"--git-dir={self.folder}"]
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.folder.parent), **_WHO}
        done = subprocess.run(
            ["git", *where, *arguments], input=given, capture_output=True, text=True, check=True, env=environ
        )
        return done.stdout


def application(url: str, **spec: object) -> Raw:
    """The Application of service `web` in the namespace of the tests."""
    return {
        "metadata": {
            "name": NAME,
            "namespace": kinds.ARGOCD_NAMESPACE,
            "finalizers": [labels.ARGO_FINALIZER],
        },
        "spec": {
            "project": "default",
            "source": {"repoURL": url, "targetRevision": BRANCH, "path": "web"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": NAMESPACE},
            "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
            **spec,
        },
    }


def config(name: str = "greeting", **data: str) -> Raw:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


class App:
    """The one Application, as a test sees it."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench

    def create(self, url: str, **spec: Any) -> None:
        self.bench.objects.create(kinds.APPLICATION, application(url, **spec))

    @property
    def body(self) -> Raw:
        return self.bench.objects.get(kinds.APPLICATION, kinds.ARGOCD_NAMESPACE, NAME)

    @property
    def status(self) -> Raw:
        return self.body.get("status") or {}

    def refresh(self) -> None:
        body, asked = self.body, {labels.ARGO_REFRESH: "normal"}
        asked[labels.ARGO_REFRESH_TIMESTAMP] = rfc3339(time.time(), micro=True)
        annotations = {**(body["metadata"].get("annotations") or {}), **asked}
        metadata = {**body["metadata"], "annotations": annotations}
        self.bench.objects.update(kinds.APPLICATION, {**body, "metadata": metadata})

    async def until_phase(self, phase: str, revision: str) -> Raw:
        """The operation that ended in `phase` at `revision`."""

        def look() -> Raw | None:
            state: Raw = self.status.get("operationState") or {}
            at = (state.get("syncResult") or {}).get("revision")
            return state if state.get("phase") == phase and at == revision else None

        return await self.bench.until(look)

    async def until_synced(self, revision: str) -> Raw:
        await self.until_phase("Succeeded", revision)
        return await self.bench.until(
            lambda: self.status if self.status["sync"] == {**self.status["sync"], "status": "Synced"} else None
        )

    def condition(self, type_: str) -> str:
        found = [one["message"] for one in self.status.get("conditions") or [] if one["type"] == type_]
        return found[0] if found else ""
