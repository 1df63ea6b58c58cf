"""Whatever this server says, the `kubernetes` client can read; and what we read of its models is what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client

from coop_core.cluster import conversions, kept, kinds
from coop_core.local import models

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Kind, Raw
    from tests.local_api.api_client import Api

TEMPLATE: Raw = {
    "metadata": {"labels": {"app": "a"}},
    "spec": {"containers": [{"name": "a", "image": "a:1", "resources": {"limits": {"cpu": 1}}}]},
}
ONCE = {**TEMPLATE, "spec": {**TEMPLATE["spec"], "restartPolicy": "Never"}}
SELECTOR = {"matchLabels": {"app": "a"}}
CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
ROLE_REF = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "a"}
SERVICE_BACKEND = {"service": {"name": "a", "port": {"number": 80}}}
VERSION = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
BODIES: dict[Kind, Raw] = {
    kinds.POD: {"spec": TEMPLATE["spec"]},
    kinds.POD_TEMPLATE: {"template": TEMPLATE},
    kinds.SERVICE: {"spec": {"selector": {"app": "a"}, "ports": [{"port": 80}]}},
    kinds.EVENT: {"involvedObject": {"kind": "Pod", "name": "a"}, "reason": "Tested"},
    kinds.LIMIT_RANGE: {"spec": {"limits": [{"type": "Container", "max": {"cpu": 1}}]}},
    kinds.RESOURCE_QUOTA: {"spec": {"hard": {"pods": 10}}},
    kinds.PERSISTENT_VOLUME: {"spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]}},
    kinds.PERSISTENT_VOLUME_CLAIM: {"spec": CLAIM},
    kinds.REPLICATION_CONTROLLER: {"spec": {"selector": {"app": "a"}, "template": TEMPLATE}},
    kinds.DEPLOYMENT: {"spec": {"selector": SELECTOR, "template": TEMPLATE}},
    kinds.REPLICA_SET: {"spec": {"selector": SELECTOR, "template": TEMPLATE}},
    kinds.STATEFUL_SET: {"spec": {"selector": SELECTOR, "template": TEMPLATE, "serviceName": "a"}},
    kinds.DAEMON_SET: {"spec": {"selector": SELECTOR, "template": TEMPLATE}},
    kinds.CONTROLLER_REVISION: {"revision": 1, "data": {}},
    kinds.JOB: {"spec": {"template": ONCE}},
    kinds.CRON_JOB: {"spec": {"schedule": "@daily", "jobTemplate": {"spec": {"template": ONCE}}}},
    kinds.AUTOSCALER: {"spec": {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "a"}}},
    kinds.DISRUPTION_BUDGET: {"spec": {"minAvailable": 1, "selector": SELECTOR}},
    kinds.INGRESS: {"spec": {"defaultBackend": SERVICE_BACKEND}},
    kinds.NETWORK_POLICY: {"spec": {"podSelector": {}}},
    kinds.ENDPOINT_SLICE: {"addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.1"]}]},
    kinds.ROLE_BINDING: {"roleRef": ROLE_REF},
    kinds.CLUSTER_ROLE_BINDING: {"roleRef": ROLE_REF},
    kinds.STORAGE_CLASS: {"provisioner": "example.com/none"},
    kinds.VOLUME_ATTACHMENT: {"spec": {"attacher": "a", "nodeName": "a", "source": {"persistentVolumeName": "a"}}},
    kinds.CSI_DRIVER: {"spec": {}},
    kinds.CSI_NODE: {"spec": {"drivers": []}},
    kinds.CSI_CAPACITY: {"storageClassName": "a"},
    kinds.PRIORITY_CLASS: {"value": 1},
    kinds.RUNTIME_CLASS: {"handler": "runsc"},
    kinds.SIGNING_REQUEST: {"spec": {"request": "YQ==", "signerName": "example.com/a", "usages": ["client auth"]}},
    kinds.API_SERVICE: {"spec": {"groupPriorityMinimum": 1, "versionPriority": 1}},
    kinds.FLOW_SCHEMA: {"spec": {"priorityLevelConfiguration": {"name": "a"}}},
    kinds.PRIORITY_LEVEL: {"spec": {"type": "Exempt"}},
    kinds.ADMISSION_BINDING: {"spec": {"policyName": "a", "validationActions": ["Deny"]}},
    kinds.DEFINITION: {
        "metadata": {"name": "as.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "as", "kind": "A"},
            "versions": [VERSION],
        },
    },
    conversions.EVENTS_V1: {
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "regarding": {"kind": "Pod", "name": "a"},
        "reason": "Tested",
        "action": "Testing",
        "type": "Normal",
        "reportingController": "example.com/a",
        "reportingInstance": "a",
    },
    conversions.AUTOSCALER_V1: {
        "spec": {
            "maxReplicas": 3,
            "scaleTargetRef": {"kind": "Deployment", "name": "a"},
            "targetCPUUtilizationPercentage": 60,
        }
    },
}
"""What each kind cannot do without."""
MODELLED = [kind for kind in (*kinds.ALL, *conversions.VIEWS) if models.schema_of(kind) is not None]


@pytest.mark.parametrize("kind", MODELLED, ids=lambda kind: f"{kind.group}.{kind.name}")
async def test_every_kind_is_written_and_read_back_by_the_client(api: Api, kind: Kind) -> None:
    given = BODIES.get(kind, {})
    body = {"apiVersion": kind.api_version, "kind": kind.name, "metadata": {"name": "a"}, **given}
    created = await api.post(kind.path("main"), body)
    assert created.code == 201, created.content
    name = created.json["metadata"]["name"]
    one, listed = await api.get(kind.path("main", name)), await api.get(kind.path("main"))
    readable(one.json, models.model_name(kind))
    readable(listed.json, f"{models.model_name(kind)}List")
    assert one.json["apiVersion"] == kind.api_version
    advice = kept.warning(conversions.stored_as(kind))
    assert (advice is not None) is ("Warning" in created.headers)


def readable(body: Raw, model: str) -> None:
    read: Any = getattr(client, model).from_dict(body)
    assert read is not None
    assert read.metadata is not None


def test_the_models_are_read_as_they_are() -> None:
    modelled = 0
    for name in models._modules():
        model = getattr(client, name, None)
        if model is None or not hasattr(model, "attribute_map"):
            continue
        schema = models._schema(name)
        assert set(schema["properties"]) == set(model.attribute_map.values()), name
        needed = {model.attribute_map[key] for key, field in model.model_fields.items() if field.is_required()}
        assert set(schema.get("required", ())) == needed, name
        modelled += 1
    assert modelled > 500


async def test_a_field_of_the_wrong_type_or_name_is_told_and_amounts_may_be_numbers(api: Api) -> None:
    path = kinds.DEPLOYMENT.path("main")
    body = {"metadata": {"name": "a"}, **BODIES[kinds.DEPLOYMENT]}
    typo = {**body, "spec": {**body["spec"], "replica": 3}}
    strict = await api.post(f"{path}?fieldValidation=Strict", typo)
    assert (strict.code, 'unknown field "spec.replica"' in strict.json["message"]) == (400, True)
    warned = await api.post(path, typo)
    assert (warned.code, "replica" in warned.json["spec"]) == (201, False)
    assert "spec.replica" in warned.headers["Warning"]
    container = warned.json["spec"]["template"]["spec"]["containers"][0]
    assert container["resources"] == {"limits": {"cpu": "1"}}
    wrong = {**body, "spec": {**body["spec"], "revisionHistoryLimit": "many"}}
    assert "$.spec.revisionHistoryLimit" in (await api.post(path, wrong)).json["message"]
    assert (await api.post(f"{path}?fieldValidation=Sometimes", body)).code == 422
