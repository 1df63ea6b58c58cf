"""Objects as rows: the columns that `kubectl get` shows, with the cells the real server would send.

Objects must have passed `shapes.misfit`; any field may be absent.
Source: Kubernetes pkg/printers/internalversion/printers.go; Argo CD's application-crd.yaml.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coop_core.clock import age, parse_rfc3339
from coop_core.cluster import kinds
from coop_core.cluster.pods import pod_ready, pod_restarts, pod_status

if TYPE_CHECKING:
    from collections.abc import Callable

    from coop_core.cluster.kinds import Kind, Raw

Cells = list[Any]
_UNKNOWN = "<unknown>"
_NONE = "<none>"


def columns(kind: Kind) -> list[Raw]:
    """A Table's columnDefinitions."""
    return _COLUMNS.get(kind, _PLAIN)[0]


def cells(kind: Kind, body: Raw, now_s: float) -> Cells:
    """One row's cells, in the order of `columns`."""
    return _COLUMNS.get(kind, _PLAIN)[1](body, now_s)


def _column(name: str, priority: int = 0, type_: str = "string") -> Raw:
    format_ = "name" if name == "Name" and priority == 0 else ""
    return {"name": name, "type": type_, "format": format_, "description": "", "priority": priority}


def _columns(shown: str, wide: str = "", numbers: str = "") -> list[Raw]:
    """Columns from words with commas between; `numbers` names those with integer cells."""
    integers = numbers.split(",")
    described = [(name, 0) for name in shown.split(",")] + [(name, 1) for name in wide.split(",") if name]
    return [_column(name, priority, "integer" if name in integers else "string") for name, priority in described]


def _age(body: Raw, now_s: float) -> str:
    return _since(body["metadata"].get("creationTimestamp"), now_s)


def _since(text: str | None, now_s: float) -> str:
    at_s = parse_rfc3339(text) if text else None
    return _UNKNOWN if at_s is None else age(now_s - at_s)


def _name(body: Raw) -> str:
    return str(body["metadata"].get("name", ""))


def _spec(body: Raw) -> Raw:
    return body.get("spec") or {}


def _status(body: Raw) -> Raw:
    return body.get("status") or {}


def _joined(values: list[str]) -> str:
    return ",".join(values) if values else _NONE


def _labels(labels: dict[str, str] | None) -> str:
    return _joined([f"{key}={value}" for key, value in sorted((labels or {}).items())])


def _selector(selector: Raw | None) -> str:
    """A LabelSelector as kubectl writes one."""
    if not selector:
        return _NONE
    terms = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for expression in selector.get("matchExpressions") or ():
        key, values = expression["key"], ",".join(sorted(expression.get("values") or ()))
        written = {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "Exists": key}
        terms.append(written.get(expression["operator"], f"!{key}"))
    return _joined(terms)


def _pod(body: Raw, now_s: float) -> Cells:
    spec, status = _spec(body), _status(body)
    gates = spec.get("readinessGates") or []
    met = {c["type"] for c in status.get("conditions") or () if c["status"] == "True"}
    return [
        _name(body),
        pod_ready(body),
        pod_status(body),
        pod_restarts(body, now_s),
        _age(body, now_s),
        status.get("podIP") or _NONE,
        spec.get("nodeName") or _NONE,
        status.get("nominatedNodeName") or _NONE,
        f"{sum(gate.get('conditionType') in met for gate in gates)}/{len(gates)}" if gates else _NONE,
    ]


def _containers(body: Raw) -> Cells:
    containers = _spec(_spec(body).get("template") or {}).get("containers") or []
    return [
        ",".join(container.get("name") or "" for container in containers),
        ",".join(container.get("image") or "" for container in containers),
    ]


def _deployment(body: Raw, now_s: float) -> Cells:
    spec, status = _spec(body), _status(body)
    return [
        _name(body),
        f"{status.get('readyReplicas') or 0}/{spec.get('replicas') or 0}",
        status.get("updatedReplicas") or 0,
        status.get("availableReplicas") or 0,
        _age(body, now_s),
        *_containers(body),
        _selector(spec.get("selector")),
    ]


def _replica_set(body: Raw, now_s: float) -> Cells:
    spec, status = _spec(body), _status(body)
    return [
        _name(body),
        spec.get("replicas") or 0,
        status.get("replicas") or 0,
        status.get("readyReplicas") or 0,
        _age(body, now_s),
        *_containers(body),
        _selector(spec.get("selector")),
    ]


def _load_balancer(body: Raw) -> list[str]:
    entries = (_status(body).get("loadBalancer") or {}).get("ingress") or []
    return [entry.get("ip") or entry.get("hostname") or "" for entry in entries]


def _external_ip(body: Raw) -> str:
    spec = _spec(body)
    if spec.get("type") == "ExternalName":
        return spec.get("externalName") or _NONE
    given = list(spec.get("externalIPs") or ())
    if spec.get("type") != "LoadBalancer":
        return _joined(given)
    return ",".join(_load_balancer(body) + given) or "<pending>"


def _service_port(port: Raw) -> str:
    node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port.get('port')}{node_port}/{port.get('protocol') or 'TCP'}"


def _service(body: Raw, now_s: float) -> Cells:
    spec = _spec(body)
    return [
        _name(body),
        spec.get("type") or "ClusterIP",
        spec.get("clusterIP") or _NONE,
        _external_ip(body),
        _joined([_service_port(port) for port in spec.get("ports") or ()]),
        _age(body, now_s),
        _labels(spec.get("selector")),
    ]


def _ingress(body: Raw, now_s: float) -> Cells:
    spec = _spec(body)
    hosts = [rule["host"] for rule in spec.get("rules") or () if rule.get("host")]
    shown = ",".join(hosts[:3]) + (f" + {len(hosts) - 3} more..." if len(hosts) > 3 else "")
    return [
        _name(body),
        spec.get("ingressClassName") or _NONE,
        shown or "*",
        ",".join(_load_balancer(body)),
        "80, 443" if spec.get("tls") else "80",
        _age(body, now_s),
    ]


def _namespace(body: Raw, now_s: float) -> Cells:
    return [_name(body), _status(body).get("phase") or "", _age(body, now_s)]


def _config_map(body: Raw, now_s: float) -> Cells:
    return [_name(body), len(body.get("data") or ()) + len(body.get("binaryData") or ()), _age(body, now_s)]


def _secret(body: Raw, now_s: float) -> Cells:
    return [_name(body), body.get("type") or "Opaque", len(body.get("data") or ()), _age(body, now_s)]


def _service_account(body: Raw, now_s: float) -> Cells:
    return [_name(body), len(body.get("secrets") or ()), _age(body, now_s)]


def _endpoints(body: Raw, now_s: float) -> Cells:
    addresses = [
        f"{address['ip']}:{port['port']}"
        for subset in body.get("subsets") or ()
        for port in subset.get("ports") or ()
        for address in subset.get("addresses") or ()
    ]
    shown = ",".join(addresses[:3]) + (f" + {len(addresses) - 3} more..." if len(addresses) > 3 else "")
    return [_name(body), shown or _NONE, _age(body, now_s)]


def _endpoint_slice(body: Raw, now_s: float) -> Cells:
    ports = [str(port.get("port") or "*") for port in body.get("ports") or ()]
    addresses = [address for entry in body.get("endpoints") or () for address in entry["addresses"]]
    shown = ",".join(addresses[:3]) + (f" + {len(addresses) - 3} more..." if len(addresses) > 3 else "")
    unset = "<unset>"
    return [_name(body), body["addressType"], ",".join(ports) or unset, shown or unset, _age(body, now_s)]


def _event(body: Raw, now_s: float) -> Cells:
    about, source = body.get("involvedObject") or {}, body.get("source") or {}
    series = body.get("series") or {}
    first = body.get("firstTimestamp") or body.get("eventTime")
    last = series.get("lastObservedTime") or body.get("lastTimestamp") or first
    component = source.get("component") or body.get("reportingComponent") or ""
    return [
        _since(last, now_s),
        body.get("type") or "",
        body.get("reason") or "",
        f"{(about.get('kind') or '').lower()}/{about.get('name') or ''}",
        (body.get("message") or "").strip(),
        about.get("fieldPath") or "",
        ", ".join(part for part in (component, source.get("host")) if part),
        _since(first, now_s),
        series.get("count") or body.get("count") or 1,
        _name(body),
    ]


def _application(body: Raw, _now_s: float) -> Cells:
    status = _status(body)
    sync, health = status.get("sync") or {}, status.get("health") or {}
    return [
        _name(body),
        sync.get("status") or "",
        health.get("status") or "",
        sync.get("revision") or "",
        _spec(body).get("project") or "",
    ]


def _plain(body: Raw, now_s: float) -> Cells:
    return [_name(body), _age(body, now_s)]


_WORKLOAD_WIDE = "Containers,Images,Selector"
_PLAIN: tuple[list[Raw], Callable[[Raw, float], Cells]] = (_columns("Name,Age"), _plain)
_COLUMNS: dict[Kind, tuple[list[Raw], Callable[[Raw, float], Cells]]] = {
    kinds.POD: (
        _columns("Name,Ready,Status,Restarts,Age", "IP,Node,Nominated Node,Readiness Gates"),
        _pod,
    ),
    kinds.DEPLOYMENT: (
        _columns("Name,Ready,Up-to-date,Available,Age", _WORKLOAD_WIDE, "Up-to-date,Available"),
        _deployment,
    ),
    kinds.REPLICA_SET: (
        _columns("Name,Desired,Current,Ready,Age", _WORKLOAD_WIDE, "Desired,Current,Ready"),
        _replica_set,
    ),
    kinds.SERVICE: (_columns("Name,Type,Cluster-IP,External-IP,Port(s),Age", "Selector"), _service),
    kinds.INGRESS: (_columns("Name,Class,Hosts,Address,Ports,Age"), _ingress),
    kinds.NAMESPACE: (_columns("Name,Status,Age"), _namespace),
    kinds.CONFIG_MAP: (_columns("Name,Data,Age", numbers="Data"), _config_map),
    kinds.SECRET: (_columns("Name,Type,Data,Age", numbers="Data"), _secret),
    kinds.SERVICE_ACCOUNT: (_columns("Name,Secrets,Age", numbers="Secrets"), _service_account),
    kinds.ENDPOINTS: (_columns("Name,Endpoints,Age"), _endpoints),
    kinds.ENDPOINT_SLICE: (_columns("Name,AddressType,Ports,Endpoints,Age"), _endpoint_slice),
    kinds.EVENT: (
        _columns("Last Seen,Type,Reason,Object,Message", "Subobject,Source,First Seen,Count,Name", numbers="Count"),
        _event,
    ),
    kinds.APPLICATION: (
        [
            *_columns("Name,Sync Status,Health Status"),
            _column("Revision", 10),
            _column("Project", 10),
        ],
        _application,
    ),
}
