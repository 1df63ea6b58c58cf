"""Pods, and the pods that a template makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coop_core.cluster.causes import (
    ENV_NAME,
    LABEL,
    LABEL_RULE,
    Cause,
    invalid,
    port_causes,
    required,
    unsupported,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coop_core.cluster.kinds import Raw


def pod(body: Raw) -> Iterator[Cause]:
    yield from pod_spec("spec", body["spec"])


def pod_spec(field: str, spec: Raw) -> Iterator[Cause]:
    if not spec.get("containers"):
        yield required(f"{field}.containers")
    if spec["restartPolicy"] not in ("Always", "OnFailure", "Never"):
        yield unsupported(f"{field}.restartPolicy", spec["restartPolicy"], ("Always", "OnFailure", "Never"))
    seen: set[str] = set()
    for group in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(group) or ()):
            where = f"{field}.{group}[{index}]"
            yield from _container(where, container)
            name = container.get("name") or ""
            if name in seen:
                yield Cause("FieldValueDuplicate", f'Duplicate value: "{name}"', f"{where}.name")
            seen.add(name)


def _container(field: str, container: Raw) -> Iterator[Cause]:
    name = container.get("name") or ""
    if not name:
        yield required(f"{field}.name")
    elif not LABEL.fullmatch(name) or len(name) > 63:
        yield invalid(f"{field}.name", f'"{name}"', LABEL_RULE)
    if not container.get("image"):
        yield required(f"{field}.image")
    for index, port in enumerate(container.get("ports") or ()):
        number = port.get("containerPort")
        if number is None:
            yield required(f"{field}.ports[{index}].containerPort")
        else:
            yield from port_causes(f"{field}.ports[{index}].containerPort", number)
    for index, variable in enumerate(container.get("env") or ()):
        yield from _variable(f"{field}.env[{index}]", variable)
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        yield from _probe(f"{field}.{probe}", container.get(probe))


def _variable(field: str, variable: Raw) -> Iterator[Cause]:
    name = variable.get("name")
    if not name:
        yield required(f"{field}.name")
    elif not ENV_NAME.fullmatch(name):
        rule = "a valid environment variable name must consist only of printable ASCII characters other than '='"
        yield invalid(f"{field}.name", f'"{name}"', rule)
    if variable.get("value") and variable.get("valueFrom"):
        yield invalid(f"{field}.valueFrom", '""', "may not be specified when `value` is not empty")


def _probe(field: str, probe: Raw | None) -> Iterator[Cause]:
    if probe is None:
        return
    handlers = [name for name in ("httpGet", "tcpSocket", "exec", "grpc") if probe.get(name) is not None]
    if not handlers:
        yield required(field, "must specify a handler type")
    for extra in handlers[1:]:
        message = "Forbidden: may not specify more than 1 handler type"
        yield Cause("FieldValueForbidden", message, f"{field}.{extra}")
    for name in ("httpGet", "tcpSocket"):
        port = (probe.get(name) or {}).get("port")
        if isinstance(port, int):
            yield from port_causes(f"{field}.{name}.port", port)
