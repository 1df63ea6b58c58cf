"""The mistakes that Kubernetes refuses, in its own words, for the kinds that coop works with.

Not a schema: what is checked here is what people get wrong and what our own code relies on. Objects must have
passed `shapes.misfit` and `defaults.defaulted`.
Source: Kubernetes pkg/apis/{core,apps,networking}/validation, apimachinery's util/validation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coop_core.cluster import kinds
from coop_core.cluster.selectors import from_spec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from coop_core.cluster.kinds import Kind, Raw

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_KEY_NAME = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_DATA_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_ENV_NAME = re.compile(r"[ -<>-~]+")

_LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
    "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_LABEL_1035_RULE = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
    "character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation "
    "is '[a-z]([-a-z0-9]*[a-z0-9])?')"
)
_SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
    "start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for "
    "validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
_KEY_RULE = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_PORT_RULE = "must be between 1 and 65535, inclusive"


@dataclass(frozen=True, slots=True)
class Cause:
    """One mistake. `reason` is one of Kubernetes' cause types, e.g. "FieldValueRequired"."""

    reason: str
    message: str
    field: str


def causes(kind: Kind, body: Raw) -> tuple[Cause, ...]:
    """Every mistake in an object by itself; none when it may be stored."""
    check = _CHECKS.get(kind)
    return (*_metadata(kind, body["metadata"]), *(check(body) if check else ()))


def update_causes(kind: Kind, old: Raw, new: Raw) -> tuple[Cause, ...]:
    """Every change from `old` to `new` that is forbidden."""
    return tuple(_immutable(kind, old, new))


def _immutable(kind: Kind, old: Raw, new: Raw) -> Iterator[Cause]:
    before, after = old.get("spec") or {}, new.get("spec") or {}
    if kind in (kinds.DEPLOYMENT, kinds.REPLICA_SET) and before.get("selector") != after.get("selector"):
        yield _invalid("spec.selector", _selector_text(after.get("selector")), "field is immutable")
    if kind == kinds.SERVICE and before.get("type") == after.get("type") != "ExternalName":
        was, now = before.get("clusterIP"), after.get("clusterIP")
        if was and now != was:
            yield _invalid("spec.clusterIPs[0]", f'["{now}"]', "may not change once set")
    if kind == kinds.POD and _immutable_part(before) != _immutable_part(after):
        yield Cause(
            "FieldValueForbidden",
            "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
            "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to "
            "existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was "
            "previously negative)",
            "spec",
        )


def _immutable_part(spec: Raw) -> Raw:
    """A pod's spec without what may change; the scheduler's nodeName may come once."""
    free = ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "nodeName")
    fixed = {name: value for name, value in spec.items() if name not in free}
    for field in ("containers", "initContainers"):
        fixed[field] = [{**container, "image": ""} for container in spec.get(field) or ()]
    return fixed


def _required(field: str, why: str = "") -> Cause:
    return Cause("FieldValueRequired", f"Required value{': ' if why else ''}{why}", field)


def _invalid(field: str, shown: str, why: str) -> Cause:
    return Cause("FieldValueInvalid", f"Invalid value: {shown}: {why}", field)


def _name_rule(kind: Kind) -> tuple[re.Pattern[str], int, str]:
    if kind == kinds.NAMESPACE:
        return _LABEL, 63, _LABEL_RULE
    if kind == kinds.SERVICE:
        return _LABEL_1035, 63, _LABEL_1035_RULE
    return _SUBDOMAIN, 253, _SUBDOMAIN_RULE


def _metadata(kind: Kind, metadata: Raw) -> Iterator[Cause]:
    name = metadata.get("name") or ""
    pattern, limit, rule = _name_rule(kind)
    if not name:
        yield _required("metadata.name", "name or generateName is required")
    elif not pattern.fullmatch(name):
        yield _invalid("metadata.name", f'"{name[:limit]}"', rule)
    elif len(name) > limit:
        yield _invalid("metadata.name", f'"{name}"', f"must be no more than {limit} characters")
    if kind.namespaced and not metadata.get("namespace"):
        yield _required("metadata.namespace")
    yield from _labels("metadata.labels", metadata.get("labels"))
    for key in metadata.get("annotations") or ():
        yield from _key("metadata.annotations", key)


def _labels(field: str, labels: dict[str, str] | None) -> Iterator[Cause]:
    for key, value in (labels or {}).items():
        yield from _key(field, key)
        if not _VALUE.fullmatch(value):
            yield _invalid(field, f'"{value}"', _VALUE_RULE)
        elif len(value) > 63:
            yield _invalid(field, f'"{value}"', "must be no more than 63 bytes")


def _key(field: str, key: str) -> Iterator[Cause]:
    prefix, slash, name = key.rpartition("/")
    if not _KEY_NAME.fullmatch(name) or len(name) > 63:
        yield _invalid(field, f'"{key}"', _KEY_RULE)
    if slash and not (_SUBDOMAIN.fullmatch(prefix) and len(prefix) <= 253):
        yield _invalid(field, f'"{key}"', f"prefix part {_SUBDOMAIN_RULE}")


def _pod(body: Raw) -> Iterator[Cause]:
    yield from _pod_spec("spec", body["spec"])


def _pod_spec(field: str, spec: Raw) -> Iterator[Cause]:
    if not spec.get("containers"):
        yield _required(f"{field}.containers")
    if spec["restartPolicy"] not in ("Always", "OnFailure", "Never"):
        yield _unsupported(f"{field}.restartPolicy", spec["restartPolicy"], ("Always", "OnFailure", "Never"))
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
        yield _required(f"{field}.name")
    elif not _LABEL.fullmatch(name) or len(name) > 63:
        yield _invalid(f"{field}.name", f'"{name}"', _LABEL_RULE)
    if not container.get("image"):
        yield _required(f"{field}.image")
    for index, port in enumerate(container.get("ports") or ()):
        number = port.get("containerPort")
        if number is None:
            yield _required(f"{field}.ports[{index}].containerPort")
        else:
            yield from _port(f"{field}.ports[{index}].containerPort", number)
    for index, variable in enumerate(container.get("env") or ()):
        yield from _variable(f"{field}.env[{index}]", variable)
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        yield from _probe(f"{field}.{probe}", container.get(probe))


def _variable(field: str, variable: Raw) -> Iterator[Cause]:
    name = variable.get("name")
    if not name:
        yield _required(f"{field}.name")
    elif not _ENV_NAME.fullmatch(name):
        rule = "a valid environment variable name must consist only of printable ASCII characters other than '='"
        yield _invalid(f"{field}.name", f'"{name}"', rule)
    if variable.get("value") and variable.get("valueFrom"):
        yield _invalid(f"{field}.valueFrom", '""', "may not be specified when `value` is not empty")


def _probe(field: str, probe: Raw | None) -> Iterator[Cause]:
    if probe is None:
        return
    handlers = [name for name in ("httpGet", "tcpSocket", "exec", "grpc") if probe.get(name) is not None]
    if not handlers:
        yield _required(field, "must specify a handler type")
    for extra in handlers[1:]:
        message = "Forbidden: may not specify more than 1 handler type"
        yield Cause("FieldValueForbidden", message, f"{field}.{extra}")
    for name in ("httpGet", "tcpSocket"):
        port = (probe.get(name) or {}).get("port")
        if isinstance(port, int):
            yield from _port(f"{field}.{name}.port", port)


def _port(field: str, number: int) -> Iterator[Cause]:
    if not 1 <= number <= 65535:
        yield _invalid(field, str(number), _PORT_RULE)


def _unsupported(field: str, value: str, known: tuple[str, ...]) -> Cause:
    listed = ", ".join(f'"{word}"' for word in known)
    return Cause("FieldValueNotSupported", f'Unsupported value: "{value}": supported values: {listed}', field)


def _workload(body: Raw) -> Iterator[Cause]:
    spec = body["spec"]
    if spec["replicas"] < 0:
        yield _invalid("spec.replicas", str(spec["replicas"]), "must be greater than or equal to 0")
    labels = spec["template"]["metadata"].get("labels") or {}
    yield from _selector(spec.get("selector"), labels)
    yield from _labels("spec.template.labels", labels)
    yield from _pod_spec("spec.template.spec", spec["template"]["spec"])
    if spec["template"]["spec"]["restartPolicy"] in ("OnFailure", "Never"):
        policy = spec["template"]["spec"]["restartPolicy"]
        yield _unsupported("spec.template.spec.restartPolicy", policy, ("Always",))
    strategy = (spec.get("strategy") or {}).get("type", "RollingUpdate")
    if strategy not in ("RollingUpdate", "Recreate"):
        yield _unsupported("spec.strategy.type", strategy, ("Recreate", "RollingUpdate"))


def _selector(selector: Raw | None, template_labels: dict[str, str]) -> Iterator[Cause]:
    if selector is None:
        yield _required("spec.selector")
        return
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        yield _invalid("spec.selector", "{}", "empty selector is invalid for deployment")
    elif not from_spec(selector).matches(template_labels):
        shown = _map_text(template_labels)
        why = "`selector` does not match template `labels`"
        yield _invalid("spec.template.metadata.labels", shown, why)


def _map_text(values: dict[str, str] | None) -> str:
    """A map as Go prints one."""
    if values is None:
        return "map[string]string(nil)"
    inside = ", ".join(f'"{key}":"{values[key]}"' for key in sorted(values))
    return f"map[string]string{{{inside}}}"


def _selector_text(selector: Raw | None) -> str:
    if not selector:
        return "null"
    labels = _map_text(selector.get("matchLabels"))
    return f"v1.LabelSelector{{MatchLabels:{labels}, MatchExpressions:[]v1.LabelSelectorRequirement(nil)}}"


def _service(body: Raw) -> Iterator[Cause]:
    spec = body["spec"]
    types = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
    if spec["type"] not in types:
        yield _unsupported("spec.type", spec["type"], types)
    ports = spec.get("ports") or []
    if not ports and spec["type"] != "ExternalName" and spec.get("clusterIP") != "None":
        yield _required("spec.ports")
    for index, port in enumerate(ports):
        where = f"spec.ports[{index}]"
        if port.get("port") is None:
            yield _required(f"{where}.port")
        else:
            yield from _port(f"{where}.port", port["port"])
        if len(ports) > 1 and not port.get("name"):
            yield _required(f"{where}.name")
        if isinstance(port.get("targetPort"), int):
            yield from _port(f"{where}.targetPort", port["targetPort"])
    yield from _labels("spec.selector", spec.get("selector"))


def _ingress(body: Raw) -> Iterator[Cause]:
    spec = body["spec"]
    if not spec.get("rules") and not spec.get("defaultBackend"):
        yield _invalid("spec", "null", "either `defaultBackend` or `rules` must be specified")
    for index, rule in enumerate(spec.get("rules") or ()):
        host = rule.get("host") or ""
        if host and not _SUBDOMAIN.fullmatch(host.removeprefix("*.")):
            yield _invalid(f"spec.rules[{index}].host", f'"{host}"', _SUBDOMAIN_RULE)
        for position, path in enumerate((rule.get("http") or {}).get("paths") or ()):
            yield from _ingress_path(f"spec.rules[{index}].http.paths[{position}]", path)


def _ingress_path(field: str, path: Raw) -> Iterator[Cause]:
    path_types = ("Exact", "ImplementationSpecific", "Prefix")
    if path["pathType"] not in path_types:
        yield _unsupported(f"{field}.pathType", path["pathType"], path_types)
    text = path.get("path") or ""
    if path["pathType"] in ("Exact", "Prefix") and not text.startswith("/"):
        yield _invalid(f"{field}.path", f'"{text}"', "must be an absolute path")
    backend = path.get("backend") or {}
    if not backend.get("service") and not backend.get("resource"):
        yield _required(f"{field}.backend", "port name or number is required")


def _data(body: Raw) -> Iterator[Cause]:
    for field in ("data", "binaryData"):
        for key in body.get(field) or ():
            if not _DATA_KEY.fullmatch(key) or len(key) > 253:
                rule = (
                    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',"
                    "  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
                )
                yield _invalid(f"{field}[{key}]", f'"{key}"', rule)


def _application(body: Raw) -> Iterator[Cause]:
    spec = body.get("spec") or {}
    for field in ("destination", "project"):
        if spec.get(field) is None:
            yield _required(f"spec.{field}")


_CHECKS: dict[Kind, Callable[[Raw], Iterator[Cause]]] = {
    kinds.POD: _pod,
    kinds.DEPLOYMENT: _workload,
    kinds.REPLICA_SET: _workload,
    kinds.SERVICE: _service,
    kinds.INGRESS: _ingress,
    kinds.CONFIG_MAP: _data,
    kinds.SECRET: _data,
    kinds.APPLICATION: _application,
}
