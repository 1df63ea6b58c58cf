"""The three resources that make a service run: Deployment, Service, Ingress."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from coop_core.cluster import labels

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw
    from coop_core.spec.service import Resolved

# Anything here means more to a shell than its letters; quotation marks mean the same to shlex.
_NEEDS_SHELL = re.compile(r"[|&;<>()$`\\*?\[\]#~{}!\n]|^\s*\w+=")

_PERSONAL_DEADLINE_S = 60


def resources(service: Resolved, image: str, source_commit: str, host: str) -> list[Raw]:
    """The generated resources, before anything is merged onto them."""
    return [_deployment(service, image, source_commit), _service(service), _ingress(service, host)]


def command(run: str) -> list[str]:
    """A start command as a list of words, through a shell only where it is written for one."""
    return ["/bin/sh", "-c", run] if _NEEDS_SHELL.search(run) else shlex.split(run)


def _deployment(service: Resolved, image: str, source_commit: str) -> Raw:
    selector = {labels.NAME: service.name}
    own = {labels.MANAGED_BY: labels.MANAGED_BY_COOP, labels.ENVIRONMENT: service.environment}
    spec: Raw = {
        "replicas": service.replicas,
        "revisionHistoryLimit": 3,
        "selector": {"matchLabels": selector},
        # The new version is ready before the old one goes.
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "template": {
            "metadata": {
                "labels": {**selector, **own},
                "annotations": {labels.SOURCE_COMMIT: source_commit},
            },
            "spec": {
                "automountServiceAccountToken": False,
                # <NAME>_PORT of every Service around would be in the way of a program that has not asked for them.
                "enableServiceLinks": bool(service.needs),
                "containers": [_container(service, image)],
            },
        },
    }
    if service.is_personal:
        spec["progressDeadlineSeconds"] = _PERSONAL_DEADLINE_S
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": service.name}, "spec": spec}


def _container(service: Resolved, image: str) -> Raw:
    env = {**service.env, "PORT": str(service.port)}
    container: Raw = {
        "name": service.name,
        "image": image,
        "env": [{"name": name, "value": env[name]} for name in sorted(env)],
        "ports": [{"name": "http", "containerPort": service.port}],
        "readinessProbe": {
            **(
                {"httpGet": {"path": service.health, "port": "http"}}
                if service.health
                else {"tcpSocket": {"port": "http"}}
            ),
            "periodSeconds": 1 if service.is_personal else 5,
            "timeoutSeconds": 5,
        },
    }
    if service.run:
        container["command"] = command(service.run)
    return container


def _service(service: Resolved) -> Raw:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": service.name},
        "spec": {
            "selector": {labels.NAME: service.name},
            "ports": [{"name": "http", "port": 80, "targetPort": "http"}],
        },
    }


def _ingress(service: Resolved, host: str) -> Raw:
    backend = {"service": {"name": service.name, "port": {"name": "http"}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": service.name},
        "spec": {
            "rules": [
                {"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}},
            ]
        },
    }
