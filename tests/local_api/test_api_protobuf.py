"""Bodies in protobuf, as Go's typed clients send them, do what the same JSON does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from coop_core.cluster import kinds
from coop_core.cluster.protobuf import table
from coop_core.local.tokens import PROXY_AUDIENCE, Identity
from tests.local_api.api_client import CONFIG_MAPS, DEPLOYMENTS, PODS, Answer, Api, config_map, deployment, pod
from tests.local_api.test_api_definitions import DEFINITIONS, WIDGETS, definition, widget
from tests.local_api.test_models_of_clients import BODIES
from tests.protobuf import encoding, values
from tests.protobuf.encoding import enveloped, field

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Kind, Raw
    from coop_core.local.tokens import Tokens

OPTIONS = "meta/v1.DeleteOptions"
APPLICATIONS = kinds.APPLICATION.path("main")


async def sent(api: Api, method: str, path: str, name: str, value: Any) -> Answer:
    return await api.send(method, path, encoding.body(name, value), Content_Type=encoding.MEDIA_TYPE)


@pytest.mark.parametrize("name", values.KINDS)
async def test_every_kind_is_created(api: Api, name: str) -> None:
    kind = values.KINDS[name]
    given = {"apiVersion": kind.api_version, "kind": kind.name, "metadata": {"name": "a"}, **BODIES.get(kind, {})}
    created = await sent(api, "POST", kind.path("main"), name, given)
    assert created.code == 201, created.content
    assert holds(created.json, given)


def holds(found: Any, given: Any) -> bool:
    """Whether all that was given is there. Amounts are words in protobuf, even if they were given as numbers."""
    if isinstance(given, dict):
        return all(key in found and holds(found[key], one) for key, one in given.items())
    if isinstance(given, list):
        return len(found) == len(given) and all(map(holds, found, given))
    return found in (given, str(given))


async def test_an_object_is_updated_and_its_status_and_its_scale(api: Api) -> None:
    made = await api.made(DEPLOYMENTS, deployment("web", replicas=2))
    changed = {
        **made,
        "metadata": {**made["metadata"], "managedFields": []},
        "spec": {**made["spec"], "replicas": 3},
    }
    updated = await sent(api, "PUT", f"{DEPLOYMENTS}/web", "apps/v1.Deployment", changed)
    assert (updated.code, updated.json["spec"]["replicas"]) == (200, 3)
    with_status = {**changed, "status": {"replicas": 1}}
    with_status["metadata"] |= {"resourceVersion": updated.json["metadata"]["resourceVersion"]}
    status = await sent(api, "PUT", f"{DEPLOYMENTS}/web/status", "apps/v1.Deployment", with_status)
    assert (status.code, status.json["status"], status.json["spec"]["replicas"]) == (200, {"replicas": 1}, 3)
    scale = {"metadata": {"name": "web", "namespace": "main"}, "spec": {"replicas": 0}}
    scaled = await sent(api, "PUT", f"{DEPLOYMENTS}/web/scale", "autoscaling/v1.Scale", scale)
    assert (scaled.code, scaled.json["spec"]) == (200, {"replicas": 0})
    assert (await api.get(f"{DEPLOYMENTS}/web")).json["spec"]["replicas"] == 0


async def test_a_stale_update_is_a_conflict(api: Api) -> None:
    made = await api.made(CONFIG_MAPS, config_map("settings"))
    await api.patch(f"{CONFIG_MAPS}/settings", {"data": {"a": "b"}})
    stale = await sent(api, "PUT", f"{CONFIG_MAPS}/settings", "core/v1.ConfigMap", made)
    assert stale.code == 409


async def test_options_of_a_deletion_are_obeyed(api: Api) -> None:
    await api.made(CONFIG_MAPS, config_map("settings"))
    await api.made(PODS, pod("web"))
    path = f"{CONFIG_MAPS}/settings"
    assert (await sent(api, "DELETE", path, OPTIONS, {"preconditions": {"uid": "other"}})).code == 409
    assert (await sent(api, "DELETE", path, OPTIONS, {"dryRun": ["All"]})).code == 200
    assert (await api.get(path)).code == 200
    orphaning = await sent(api, "DELETE", path, OPTIONS, {"propagationPolicy": "Orphan"})
    assert orphaning.json["metadata"]["finalizers"] == ["orphan"]
    assert (await sent(api, "DELETE", f"{PODS}/web", OPTIONS, {"gracePeriodSeconds": 0})).code == 200
    assert (await api.get(f"{PODS}/web")).code == 404


async def test_custom_kinds_are_never_protobuf_but_their_options_may_be(api: Api) -> None:
    await api.made(DEFINITIONS, definition())
    await api.made(WIDGETS, widget(size="small"))
    for path in (WIDGETS, APPLICATIONS):
        refused = await sent(api, "POST", path, "core/v1.ConfigMap", config_map("a"))
        assert (refused.code, refused.json["reason"]) == (415, "UnsupportedMediaType")
        assert refused.json["message"] == (
            "the body of the request was in an unknown format (application/vnd.kubernetes.protobuf) - "
            "accepted media types include: application/json, application/yaml"
        )
    scale = {"metadata": {"name": "a"}, "spec": {"replicas": 4}}
    scaled = await sent(api, "PUT", f"{WIDGETS}/a/scale", "autoscaling/v1.Scale", scale)
    assert scaled.json["spec"] == {"replicas": 4}
    assert (await sent(api, "DELETE", f"{WIDGETS}/a", OPTIONS, {"propagationPolicy": "Background"})).code == 200


async def test_built_in_kinds_say_that_they_may_be_protobuf(api: Api) -> None:
    refused = await api.post(PODS, b"x", Content_Type="text/plain")
    assert refused.code == 415
    assert refused.json["message"].endswith("application/yaml, application/vnd.kubernetes.protobuf")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"kind": "Secret"}, "must be of type ConfigMap): it is a Secret"),
        ({"apiVersion": "apps/v1"}, "cannot be handled as a ConfigMap"),
        ({"metadata": {"name": "a", "namespace": "other"}}, "does not match the namespace sent on the request"),
    ],
)
async def test_an_object_that_belongs_elsewhere_is_refused(api: Api, value: Raw, words: str) -> None:
    refused = await sent(api, "POST", CONFIG_MAPS, "core/v1.ConfigMap", {**config_map("a"), **value})
    assert (refused.code, refused.json["reason"]) == (400, "BadRequest")
    assert words in refused.json["message"]


@pytest.mark.parametrize("kind", [kinds.POD, kinds.SECRET, kinds.DEPLOYMENT, kinds.DEFINITION])
async def test_a_body_that_is_none_is_refused(api: Api, kind: Kind) -> None:
    for body in (
        b"{}",
        b"k8s\x00\x12\x05a",
        b"k8s\x00\x12\x02\x0a\x01",
        b"k8s\x00" + b"\xff" * 30,
    ):
        refused = await api.send("POST", kind.path("main"), body, Content_Type=encoding.MEDIA_TYPE)
        assert (refused.code, refused.json["reason"]) == (400, "BadRequest"), body[:20]


@pytest.mark.parametrize(("depth", "code"), [(20, 422), (95, 422), (200, 400)])
async def test_a_schema_as_deep_as_is_read_is_judged_and_a_deeper_one_refused(
    api: Api, depth: int, code: int
) -> None:
    schema = b""
    for _ in range(depth):
        schema = field(5, b"object") + field(29, field(1, b"a") + field(2, schema))  # type and properties
    version = field(1, b"v1") + field(4, field(1, schema))
    body = enveloped(field(1, field(1, b"widgets.example.com")) + field(2, field(7, version)))
    assert (await api.send("POST", DEFINITIONS, body, Content_Type=encoding.MEDIA_TYPE)).code == code


async def test_a_token_review_may_be_protobuf(api: Api, tokens: Tokens) -> None:
    ada = tokens.token_for(Identity("ada", audiences=(PROXY_AUDIENCE,)))
    review = {"spec": {"token": ada, "audiences": [PROXY_AUDIENCE]}}
    path = "/apis/authentication.k8s.io/v1/tokenreviews"
    reviewed = await sent(api, "POST", path, "authentication/v1.TokenReview", review)
    assert reviewed.json["status"]["user"]["username"] == "ada"


async def test_json_alone_never_reads_the_table(api: Api) -> None:
    table._written.cache_clear()
    await api.made(CONFIG_MAPS, config_map("settings"))
    assert (await api.delete(f"{CONFIG_MAPS}/settings", {"kind": "DeleteOptions", "apiVersion": "v1"})).code == 200
    assert table._written.cache_info().misses == 0
    await sent(api, "POST", CONFIG_MAPS, "core/v1.ConfigMap", config_map("settings"))
    assert table._written.cache_info().misses == 1
