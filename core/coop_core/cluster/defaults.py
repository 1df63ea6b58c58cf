"""What Kubernetes fills in when a manifest leaves it out.

Clients count on these: `kubectl describe deployment` crashes without `spec.replicas`. Objects must have passed
`shapes.misfit`. Nothing given is changed: what differs is copied.
Source: Kubernetes pkg/apis/{core,apps,networking}/v1/defaults.go.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from coop_core.cluster import definitions, kept, kinds

if TYPE_CHECKING:
    from collections.abc import Callable

    from coop_core.cluster.kinds import Kind, Raw

NAMESPACE_NAME = "kubernetes.io/metadata.name"
_NO_LIMIT = 2**31 - 1


def defaulted(kind: Kind, body: Raw) -> Raw:
    """`body` with its kind's defaults. Applying it twice gives the same as once."""
    fill = _FILLERS.get(kind)
    return fill(body) if fill else body


def _filled(given: Raw | None, **defaults: object) -> Raw:
    """`given` with the defaults for what is absent; null counts as absent."""
    present = {name: value for name, value in (given or {}).items() if value is not None}
    return {**defaults, **present}


def _namespace(body: Raw) -> Raw:
    metadata = body["metadata"]
    labels = {**(metadata.get("labels") or {}), NAMESPACE_NAME: metadata.get("name") or ""}
    return {
        **body,
        "metadata": {**metadata, "labels": labels},
        "status": _filled(body.get("status"), phase="Active"),
    }


def _pod(body: Raw) -> Raw:
    return {
        **body,
        "spec": pod_spec(body.get("spec") or {}),
        "status": _filled(body.get("status"), phase="Pending"),
    }


def pod_spec(given: Raw) -> Raw:
    """A pod's spec, or the one in a template."""
    spec = _filled(
        given,
        restartPolicy="Always",
        dnsPolicy="ClusterFirst",
        terminationGracePeriodSeconds=30,
        schedulerName="default-scheduler",
        securityContext={},
    )
    for field in ("containers", "initContainers"):
        if field in spec:
            spec[field] = [_container(container) for container in spec[field]]
    return spec


def _container(given: Raw) -> Raw:
    container = _filled(
        given,
        imagePullPolicy=_pull_policy(given.get("image") or ""),
        resources={},
        terminationMessagePath="/dev/termination-log",
        terminationMessagePolicy="File",
    )
    if "ports" in container:
        container["ports"] = [_filled(port, protocol="TCP") for port in container["ports"]]
    for field in ("readinessProbe", "livenessProbe", "startupProbe"):
        if field in container:
            container[field] = _probe(container[field])
    return container


def _pull_policy(image: str) -> str:
    if "@" in image:
        return "IfNotPresent"
    _, colon, tag = image.rpartition("/")[2].partition(":")
    return "IfNotPresent" if colon and tag != "latest" else "Always"


def _probe(given: Raw) -> Raw:
    probe = _filled(given, timeoutSeconds=1, periodSeconds=10, successThreshold=1, failureThreshold=3)
    if "httpGet" in probe:
        probe["httpGet"] = _filled(probe["httpGet"], path="/", scheme="HTTP")
    return probe


def _template(given: Raw | None) -> Raw:
    template = given or {}
    metadata = _filled(template.get("metadata"))
    return {**template, "metadata": metadata, "spec": pod_spec(template.get("spec") or {})}


def _deployment(body: Raw) -> Raw:
    spec = _filled(body.get("spec"), replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600)
    strategy = _filled(spec.get("strategy"), type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        strategy["rollingUpdate"] = _filled(strategy.get("rollingUpdate"), maxSurge="25%", maxUnavailable="25%")
    return {**body, "spec": {**spec, "strategy": strategy, "template": _template(spec.get("template"))}}


def _replica_set(body: Raw) -> Raw:
    spec = _filled(body.get("spec"), replicas=1)
    status = _filled(body.get("status"), replicas=0)
    return {**body, "spec": {**spec, "template": _template(spec.get("template"))}, "status": status}


def _service(body: Raw) -> Raw:
    spec = _filled(body.get("spec"), type="ClusterIP", sessionAffinity="None")
    if spec["type"] != "ExternalName":
        spec = _filled(spec, ipFamilies=["IPv4"], ipFamilyPolicy="SingleStack", internalTrafficPolicy="Cluster")
    if "ports" in spec:
        spec["ports"] = [_service_port(port) for port in spec["ports"]]
    return {**body, "spec": spec, "status": _filled(body.get("status"), loadBalancer={})}


def _service_port(given: Raw) -> Raw:
    port = _filled(given, protocol="TCP")
    # 0 and "" are what a Go client sends for a targetPort that nobody set.
    return port if port.get("targetPort") else {**port, "targetPort": port.get("port")}


def _ingress(body: Raw) -> Raw:
    spec = _filled(body.get("spec"))
    if "rules" in spec:
        spec["rules"] = [_ingress_rule(rule) for rule in spec["rules"]]
    return {**body, "spec": spec, "status": _filled(body.get("status"), loadBalancer={})}


def _ingress_rule(rule: Raw) -> Raw:
    http = rule.get("http")
    if not http:
        return rule
    paths = [_filled(path, pathType="ImplementationSpecific") for path in http.get("paths") or ()]
    return {**rule, "http": {**http, "paths": paths}}


def _secret(body: Raw) -> Raw:
    secret = _filled(body, type="Opaque")
    plain = secret.pop("stringData", None)
    if plain:
        encoded = {name: base64.b64encode(value.encode()).decode() for name, value in plain.items()}
        secret["data"] = {**(secret.get("data") or {}), **encoded}
    return secret


def _templated(fill: Callable[[Raw], Raw]) -> Callable[[Raw], Raw]:
    """For kinds that nobody runs and that have a pod template."""

    def filled(body: Raw) -> Raw:
        body = fill(body)
        return {**body, "spec": {**body["spec"], "template": _template(body["spec"].get("template"))}}

    return filled


def _job_spec(given: Raw | None) -> Raw:
    by_index = (given or {}).get("backoffLimitPerIndex") is not None
    policy = (given or {}).get("podFailurePolicy")
    spec = _filled(
        given,
        backoffLimit=_NO_LIMIT if by_index else 6,
        completionMode="NonIndexed",
        suspend=False,
        podReplacementPolicy="Failed" if policy else "TerminatingOrFailed",
    )
    if policy:
        spec["podFailurePolicy"] = {**policy, "rules": [_failure_rule(rule) for rule in policy.get("rules") or []]}
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    spec = _filled(spec, parallelism=1)
    return {**spec, "template": _template(spec.get("template"))}


def _failure_rule(rule: Raw) -> Raw:
    patterns = rule.get("onPodConditions")
    return {**rule, "onPodConditions": [_filled(one, status="True") for one in patterns]} if patterns else rule


def _job(body: Raw) -> Raw:
    return {**body, "spec": _job_spec(body.get("spec"))}


def _cron_job(body: Raw) -> Raw:
    spec = _filled(
        body.get("spec"),
        concurrencyPolicy="Allow",
        suspend=False,
        successfulJobsHistoryLimit=3,
        failedJobsHistoryLimit=1,
    )
    # The jobs that come of it get the rest of their defaults when they are made.
    template = dict(spec.get("jobTemplate") or {})
    template["spec"] = {
        **(template.get("spec") or {}),
        "template": _template((template.get("spec") or {}).get("template")),
    }
    return {**body, "spec": {**spec, "jobTemplate": template}}


_FILLERS: dict[Kind, Callable[[Raw], Raw]] = {
    kinds.NAMESPACE: _namespace,
    kinds.POD: _pod,
    kinds.DEPLOYMENT: _deployment,
    kinds.REPLICA_SET: _replica_set,
    kinds.SERVICE: _service,
    kinds.INGRESS: _ingress,
    kinds.SECRET: _secret,
    kinds.DEFINITION: definitions.defaulted,
    kinds.JOB: _job,
    kinds.CRON_JOB: _cron_job,
    **kept.FILLERS,
    **{kind: _templated(kept.FILLERS[kind]) for kind in kept.TEMPLATED},
}
