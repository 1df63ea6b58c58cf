"""A canary wherever secrets hide, and every answer of the proxy in every form searched for it."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from coop_core.cluster import kinds
from coop_core.proxy.policy import READABLE
from tests.proxy.serving import CANARY, application

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Kind, Raw
    from tests.kube.serving import Api
    from tests.proxy.serving import Viewer

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
FORMS = (
    "application/json",
    "*/*",
    f"{TABLE},application/json",
    "application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
    "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
    "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
    "application/vnd.kubernetes.protobuf,application/json",
    "application/yaml,application/cbor,*/*",
)
INCLUDED = ("", "None", "Metadata", "Object")
INITIAL = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"

METADATA: Raw = {
    "annotations": {
        "kubectl.kubernetes.io/last-applied-configuration": json.dumps({"data": {"a": CANARY}}),
        "kapp.k14s.io/original": json.dumps({"spec": {"value": CANARY}}),
        "example.org/api-token": CANARY,
        "example.org/source": f"https://bot:{CANARY}@git.example.org/x",
        "example.org/config": json.dumps({"db": {"password": CANARY}}),
        "example.org/plain": "stays",
    },
    "labels": {"app": "web"},
    "managedFields": [{"manager": CANARY}],
}
TERMINATED = {"exitCode": 1, "reason": "Error", "message": f"no route to postgres://app:{CANARY}@db/app"}
CONTAINER: Raw = {
    "name": "web",
    "image": "web:1",
    "env": [
        {"name": "DB_PASSWORD", "value": CANARY},
        {"name": "DB", "value": f"postgres://app:{CANARY}@db/app"},
        {"name": "STRIPE_KEY", "value": CANARY},
        {"name": "CONFIG", "value": json.dumps({"client_secret": CANARY})},
    ],
    "command": ["sh", "-c", f"export API_KEY={CANARY}; serve --token {CANARY}"],
    "args": ["--password", CANARY, f"--token={CANARY}", f"--url=https://x:{CANARY}@y"],
    "livenessProbe": {
        "httpGet": {
            "path": f"/?token={CANARY}",
            "port": 80,
            "httpHeaders": [{"name": "Authorization", "value": f"Basic {CANARY}"}],
        }
    },
    "lifecycle": {"preStop": {"exec": {"command": ["stop", f"--secret={CANARY}"]}}},
}
VOLUMES = [
    {"name": "v", "csi": {"driver": "d", "volumeAttributes": {"credential": CANARY}}},
    {"name": "w", "flexVolume": {"driver": "d", "options": {"share": CANARY}}},
]
POD = {"containers": [CONTAINER], "initContainers": [{**CONTAINER, "name": "first"}], "volumes": VOLUMES}
TEMPLATE = {"metadata": METADATA, "spec": POD}
STATUS = {
    "conditions": [{"type": "Ready", "status": "False", "message": f"pull https://x:{CANARY}@registry: no"}],
}
SCALED = {"selector": {"matchLabels": {"app": "web"}}, "template": TEMPLATE}
JOB = {"template": {**TEMPLATE, "spec": {**POD, "restartPolicy": "Never"}}}
POD_STATUS = {
    **STATUS,
    "phase": "Failed",
    "message": f"token={CANARY}",
    "containerStatuses": [
        {"name": "web", "ready": False, "restartCount": 1, "image": "i", "imageID": "",
         "state": {"terminated": TERMINATED}, "lastState": {"terminated": TERMINATED}},
    ],
}  # fmt: skip
OBJECTS: dict[Kind, Raw] = {
    kinds.NAMESPACE: {},
    kinds.POD: {"spec": POD, "status": POD_STATUS},
    kinds.SERVICE: {"spec": {"ports": [{"port": 80}]}, "status": STATUS},
    kinds.EVENT: {
        "involvedObject": {"kind": "Pod", "name": "web", "namespace": "dev-ada"},
        "reason": "Failed",
        "message": f"Error: pull https://x:{CANARY}@registry/web, header Authorization: Bearer {CANARY}{CANARY}",
        "note": f"PASSWORD={CANARY}",
    },
    kinds.DEPLOYMENT: {"spec": SCALED, "status": STATUS},
    kinds.REPLICA_SET: {"spec": SCALED, "status": STATUS},
    kinds.STATEFUL_SET: {"spec": {**SCALED, "serviceName": "web"}, "status": STATUS},
    kinds.DAEMON_SET: {"spec": SCALED, "status": STATUS},
    kinds.JOB: {"spec": JOB, "status": STATUS},
    kinds.CRON_JOB: {"spec": {"schedule": "0 0 * * *", "jobTemplate": {"metadata": METADATA, "spec": JOB}}},
    kinds.AUTOSCALER: {"spec": {"maxReplicas": 2}, "status": STATUS},
    kinds.PERSISTENT_VOLUME_CLAIM: {"spec": {}, "status": STATUS},
    kinds.INGRESS: {"spec": {"rules": []}},
    kinds.ENDPOINT_SLICE: {"addressType": "IPv4", "endpoints": [], "ports": []},
    kinds.APPLICATION: {key: value for key, value in application("dev-ada", "web").items() if key != "metadata"},
}
NAMES = {kinds.NAMESPACE: "dev-ada"}


def test_every_kind_that_may_be_read_is_searched() -> None:
    assert set(OBJECTS) == {readable.kind for readable in READABLE}


def namespace_of(kind: Kind) -> str | None:
    if not kind.namespaced:
        return None
    return kinds.ARGOCD_NAMESPACE if kind == kinds.APPLICATION else "dev-ada"


def hide_canaries(api: Api) -> None:
    """Straight in the store: what a real cluster holds need not pass our own checks."""
    secret = {"data": {"key": CANARY}, "stringData": {"a": CANARY}}
    for kind, body in {**OBJECTS, kinds.SECRET: secret}.items():
        metadata: Raw = {**METADATA, "name": NAMES.get(kind, "canary"), "uid": "u", "generation": 1}
        if namespace := namespace_of(kind):
            metadata["namespace"] = namespace
        api.objects.store.put(
            kind, {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, **body}
        )


def paths(kind: Kind) -> list[str]:
    collection = kind.path(namespace_of(kind))
    return [
        collection,
        f"{collection}/{NAMES.get(kind, 'canary')}",
        *([kind.path(None)] if kind.namespaced else []),
    ]


def harmless(text: str) -> bool:
    return CANARY not in text and "managedFields" not in text and "last-applied" not in text


@pytest.mark.parametrize("kind", list(OBJECTS), ids=lambda kind: str(kind.plural))
async def test_no_canary_passes_in_any_form(
    kind: Kind, ada: Viewer, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    hide_canaries(api)
    shown = 0
    for path in paths(kind):
        for accept in FORMS:
            for include in INCLUDED:
                status, body = await ada.ask(f"{path}?includeObject={include}", accept=accept)
                assert status == 200, (path, accept, include, body)
                text = json.dumps(body)
                assert harmless(text), (path, accept, include)
                shown += "stays" in text
            for query in ("watch=1", f"watch=1&{INITIAL}", "watch=1&includeObject=Object"):
                text = json.dumps(await first_event(ada, f"{path}?{query}&timeoutSeconds=5", accept))
                assert harmless(text), (path, accept, query)
                shown += "stays" in text
    assert shown > len(paths(kind)) * len(FORMS)
    assert CANARY not in caplog.text
    assert ada.token not in caplog.text


async def first_event(ada: Viewer, path: str, accept: str) -> Any:
    async with asyncio.timeout(5), aclosing(ada.events(path, accept=accept)) as events:
        return await anext(events)


async def test_no_canary_passes_in_what_is_told_of_a_change(ada: Viewer, api: Api) -> None:
    hide_canaries(api)
    path = f"{kinds.POD.path('dev-ada')}/canary"
    for accept in FORMS:
        async with asyncio.timeout(5), aclosing(ada.events(f"{path}?watch=1", accept=accept)) as events:
            await anext(events)
            stored = api.objects.get(kinds.POD, "dev-ada", "canary")
            message = f"now postgres://app:{CANARY}@db/app"
            api.objects.store.put(kinds.POD, {**stored, "status": {**stored["status"], "message": message}})
            event = await anext(events)
            assert event["type"] == "MODIFIED"
            assert harmless(json.dumps(event)), accept


async def test_what_is_no_secret_can_still_be_read(ada: Viewer, api: Api) -> None:
    hide_canaries(api)
    _, pod = await ada.ask(f"{kinds.POD.path('dev-ada')}/canary")
    container = pod["spec"]["containers"][0]
    assert [one["name"] for one in container["env"]] == ["DB_PASSWORD", "DB", "STRIPE_KEY", "CONFIG"]
    assert pod["metadata"]["annotations"]["example.org/plain"] == "stays"
    message = pod["status"]["containerStatuses"][0]["state"]["terminated"]["message"]
    assert message == "no route to postgres://[hidden by coop]@db/app"
