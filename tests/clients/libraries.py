"""What is tried of the client libraries for Python, one function a line of the table."""

from __future__ import annotations

import asyncio
import json
import queue
import subprocess
import sys
import uuid
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.clients.scene import LIMIT_S, NAMESPACE, Scene

if TYPE_CHECKING:
    from collections.abc import Callable

SEEN = {"a": "1"}
"""The content of the ConfigMap that each of them makes."""


def config_map() -> dict[str, Any]:
    metadata = {"name": f"lib-{uuid.uuid4().hex[:8]}", "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": SEEN}


def typed(scene: Scene) -> None:
    """typed: create, read, list with a selector, patch, replace, delete"""
    client = import_module("kubernetes.client")
    with _configured(scene) as api:
        core, body = client.CoreV1Api(api), config_map()
        name = body["metadata"]["name"]
        core.create_namespaced_config_map(NAMESPACE, body)
        core.patch_namespaced_config_map(name, NAMESPACE, {"metadata": {"labels": {"x": name}}})
        (found,) = core.list_namespaced_config_map(NAMESPACE, label_selector=f"x={name}").items
        found.data = {"a": "2"}
        core.replace_namespaced_config_map(name, NAMESPACE, found)
        assert core.read_namespaced_config_map(name, NAMESPACE).data == {"a": "2"}
        core.delete_namespaced_config_map(name, NAMESPACE)
        assert name not in [one.metadata.name for one in core.list_namespaced_config_map(NAMESPACE).items]


def typed_logs(scene: Scene) -> None:
    """typed: a pod's log, a Deployment's scale"""
    client = import_module("kubernetes.client")
    with _configured(scene) as api:
        assert "first run" in client.CoreV1Api(api).read_namespaced_pod_log("crashed", NAMESPACE, previous=True)
        apps = client.AppsV1Api(api)
        apps.patch_namespaced_deployment_scale("spare", NAMESPACE, {"spec": {"replicas": 0}})
        assert apps.read_namespaced_deployment_scale("spare", NAMESPACE).spec.replicas == 0


def watching(scene: Scene) -> None:
    """watch: what is there, then what comes"""
    client, watch = import_module("kubernetes.client"), import_module("kubernetes.watch")
    with _configured(scene) as api:
        core, body = client.CoreV1Api(api), config_map()
        name = body["metadata"]["name"]
        core.create_namespaced_config_map(NAMESPACE, body)
        seen = []
        selecting = f"metadata.name={name}"
        for event in watch.Watch().stream(
            core.list_namespaced_config_map, NAMESPACE, field_selector=selecting, timeout_seconds=20
        ):
            seen.append(event["type"])
            if event["type"] == "DELETED":
                break
            core.delete_namespaced_config_map(name, NAMESPACE)
        assert seen == ["ADDED", "DELETED"]


def informer(scene: Scene) -> None:
    """informer: a cache in step with what comes, changes and goes, over watches that end"""
    client, module = import_module("kubernetes.client"), import_module("kubernetes.informer")
    with _configured(scene) as api:
        core, body = client.CoreV1Api(api), config_map()
        name = body["metadata"]["name"]
        informer = module.SharedInformer(
            core.list_namespaced_config_map, NAMESPACE, resync_period=1, field_selector=f"metadata.name={name}"
        )
        seen: queue.Queue[tuple[str, str]] = queue.Queue()
        for event in ("ADDED", "MODIFIED", "DELETED"):
            informer.add_event_handler(event, lambda found, event=event: seen.put((event, found.data["a"])))
        informer.start()
        try:
            core.create_namespaced_config_map(NAMESPACE, body)
            _until(seen, ("ADDED", "1"))
            core.patch_namespaced_config_map(name, NAMESPACE, {"data": {"a": "2"}})
            _until(seen, ("MODIFIED", "2"))
            assert informer.cache.get_by_key(f"{NAMESPACE}/{name}").data == {"a": "2"}
            _until(seen, ("MODIFIED", "2"))  # at the end of the watch, everything is looked at again
            core.delete_namespaced_config_map(name, NAMESPACE)
            _until(seen, ("DELETED", "2"))
            assert informer.cache.list_keys() == []
        finally:
            informer.stop()


def _until(seen: queue.Queue[tuple[str, str]], wanted: tuple[str, str]) -> None:
    while seen.get(timeout=20) != wanted:
        pass


def dynamic(scene: Scene) -> None:
    """dynamic: discovery, create, get, server-side apply, delete"""
    module = import_module("kubernetes.dynamic")
    with _configured(scene) as api:
        maps = module.DynamicClient(api).resources.get(api_version="v1", kind="ConfigMap")
        body = config_map()
        name = body["metadata"]["name"]
        maps.create(body=body, namespace=NAMESPACE)
        assert maps.get(name=name, namespace=NAMESPACE).data.a == "1"
        maps.server_side_apply(body=body, namespace=NAMESPACE, name=name, field_manager="x", force_conflicts=True)
        maps.delete(name=name, namespace=NAMESPACE)


def asynchronous(scene: Scene) -> None:
    """the asyncio half: create, read, watch, delete"""
    asyncio.run(_asynchronous(scene))


async def _asynchronous(scene: Scene) -> None:
    config, client = import_module("kubernetes.aio.config"), import_module("kubernetes.aio.client")
    watch = import_module("kubernetes.aio.watch")
    configuration = client.Configuration()
    await config.load_kube_config(config_file=str(scene.admin), client_configuration=configuration)
    async with client.ApiClient(configuration) as api:
        core, body = client.CoreV1Api(api), config_map()
        name = body["metadata"]["name"]
        await core.create_namespaced_config_map(NAMESPACE, body)
        assert (await core.read_namespaced_config_map(name, NAMESPACE)).data == SEEN
        selecting = f"metadata.name={name}"
        async with watch.Watch() as stream:
            async for event in stream.stream(
                core.list_namespaced_config_map, NAMESPACE, field_selector=selecting, timeout_seconds=20
            ):
                if event["type"] == "DELETED":
                    return
                await core.delete_namespaced_config_map(name, NAMESPACE)
    raise AssertionError("the deletion was not seen")


def kr8s(scene: Scene) -> None:
    """get, create, patch, label, delete"""
    module, objects = import_module("kr8s"), import_module("kr8s.objects")
    api = module.api(kubeconfig=str(scene.admin), namespace=NAMESPACE)
    made = objects.ConfigMap(config_map(), api=api)
    made.create()
    made.patch({"data": {"a": "2"}})
    made.label({"x": "y"})
    assert [one.name for one in api.get("configmaps", namespace=NAMESPACE, label_selector="x=y")] == [made.name]
    made.delete()
    assert not made.exists()


def kr8s_pods(scene: Scene) -> None:
    """pods of a Deployment, their readiness, a log"""
    module, objects = import_module("kr8s"), import_module("kr8s.objects")
    api = module.api(kubeconfig=str(scene.admin), namespace=NAMESPACE)
    deployment = objects.Deployment.get("web", namespace=NAMESPACE, api=api)
    assert deployment.ready()
    assert deployment.pods()
    crashed = objects.Pod.get("crashed", namespace=NAMESPACE, api=api)
    assert "second run" in list(crashed.logs())


def lightkube(scene: Scene) -> None:
    """create, get, list, patch, server-side apply, watch, delete"""
    client = _lightkube(scene)
    kinds = import_module("lightkube.resources.core_v1")
    body = config_map()
    name = body["metadata"]["name"]
    client.create(kinds.ConfigMap.from_dict(body))
    client.patch(kinds.ConfigMap, name, {"metadata": {"labels": {"x": name}}})
    client.apply(kinds.ConfigMap.from_dict(body), field_manager="x", force=True)
    assert [one.data for one in client.list(kinds.ConfigMap, labels={"x": name})] == [SEEN]
    for event, found in client.watch(kinds.ConfigMap, fields={"metadata.name": name}, server_timeout=20):
        assert found.metadata.name == name
        if event == "DELETED":
            return
        client.delete(kinds.ConfigMap, name)
    raise AssertionError("the deletion was not seen")


def lightkube_pods(scene: Scene) -> None:
    """waiting for a condition, a log"""
    client = _lightkube(scene)
    apps = import_module("lightkube.resources.apps_v1")
    assert client.wait(apps.Deployment, "web", for_conditions=["Available"]).metadata.name == "web"
    assert "second run\n" in list(client.log("crashed"))


def _lightkube(scene: Scene) -> Any:
    config = import_module("lightkube").KubeConfig.from_file(str(scene.admin))
    return import_module("lightkube").Client(config=config, namespace=NAMESPACE)


def _configured(scene: Scene) -> Any:
    client, config = import_module("kubernetes.client"), import_module("kubernetes.config")
    configuration = client.Configuration()
    config.load_kube_config(config_file=str(scene.admin), client_configuration=configuration)
    return client.ApiClient(configuration)


LIBRARIES: dict[str, tuple[Callable[[Scene], None], ...]] = {
    "kubernetes": (typed, typed_logs, watching, informer, dynamic, asynchronous),
    "kr8s": (kr8s, kr8s_pods),
    "lightkube": (lightkube, lightkube_pods),
}


def tried(scene: Scene, library: str) -> list[tuple[str, str]]:
    """What the table says of a library, tried in a process of its own: not all of them close what they open."""
    done = subprocess.run(
        [sys.executable, "-m", __name__, str(scene.folder), str(scene.admin), library],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=2 * LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [(what, outcome) for what, outcome in json.loads(done.stdout)]


def _outcome(scene: Scene, habit: Callable[[Scene], None]) -> str:
    try:
        habit(scene)
    except Exception as error:  # whatever a client raises, is what it cannot do
        text = " ".join(f"{type(error).__name__}: {error}".split())
        return f"does not work: {text[:200].replace('|', '/')}"
    return "works"


if __name__ == "__main__":
    folder, admin, library = sys.argv[1:]
    place = Scene(Path(folder), Path(admin), Path(admin))
    print(json.dumps([(habit.__doc__, _outcome(place, habit)) for habit in LIBRARIES[library]]))
