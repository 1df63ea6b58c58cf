"""Reads that are none: subresources that connect to something, and upgrades of any connection."""

from __future__ import annotations

from tests.proxy.attempts.writing import PODS, SPDY, WEBSOCKET, get, request, write
from tests.proxy.recorder import TOKEN

_SERVICES = "/api/v1/namespaces/dev-ada/services"
_KUBEVIRT = "/apis/subresources.kubevirt.io/v1/namespaces/dev-ada/virtualmachineinstances/vm"
_CONNECTING = {
    "exec": f"{PODS}/web/exec?command=sh&stdin=1&stdout=1",
    "attach": f"{PODS}/web/attach?stdin=1",
    "port-forward": f"{PODS}/web/portforward?ports=80",
    "pod proxy": f"{PODS}/web/proxy",
    "pod proxy with a tail": f"{PODS}/web:8080/proxy/admin/secrets",
    "service proxy": f"{_SERVICES}/web/proxy",
    "service proxy with a tail": f"{_SERVICES}/https:web:443/proxy/metrics",
    "node proxy": "/api/v1/nodes/n1/proxy",
    "node proxy to the kubelet": "/api/v1/nodes/n1/proxy/run/dev-ada/web/web?cmd=id",
    "node proxy with a port": "/api/v1/nodes/https:n1:10250/proxy/exec/dev-ada/web/web",
    "virtual machine console": f"{_KUBEVIRT}/console",
    "virtual machine vnc": f"{_KUBEVIRT}/vnc",
}

CLASSES: dict[str, dict[str, bytes]] = {
    "B1 connecting by plain GET": {name: get(path) for name, path in _CONNECTING.items()},
    "B1 connecting by POST": {name: write("POST", path) for name, path in _CONNECTING.items()},
    "B1 connecting by websocket": {name: get(path, *WEBSOCKET) for name, path in _CONNECTING.items()},
    "B1 connecting by SPDY": {
        name: request(f"POST {path} HTTP/1.1", *SPDY, "Content-Length: 0") for name, path in _CONNECTING.items()
    },
    "B1 connecting by HEAD": {name: request(f"HEAD {path} HTTP/1.1") for name, path in _CONNECTING.items()},
    "B1 other subresources": {
        "unknown": get(f"{PODS}/web/vnc"),
        "status": get(f"{PODS}/web/status"),
        "scale": get("/apis/apps/v1/namespaces/dev-ada/deployments/web/scale"),
        "ephemeral containers": get(f"{PODS}/web/ephemeralcontainers"),
        "resize": get(f"{PODS}/web/resize"),
        "log of a deployment": get("/apis/apps/v1/namespaces/dev-ada/deployments/web/log"),
        "log with a tail": get(f"{PODS}/web/log/exec"),
        "log of no pod": get(f"{PODS}//log"),
        "finalize of a namespace": get("/api/v1/namespaces/dev-ada/finalize"),
        "status of a namespace": get("/api/v1/namespaces/dev-ada/status"),
        "token of a service account": get("/api/v1/namespaces/dev-ada/serviceaccounts/default/token"),
        "upper case exec": get(f"{PODS}/web/EXEC"),
        "exec as a watch": get(f"{PODS}/web/exec?watch=true"),
    },
    "B3 upgrades": {
        "watch to websocket": get(f"{PODS}?watch=true", *WEBSOCKET),
        "log to websocket": get(f"{PODS}/web/log", *WEBSOCKET),
        "version to websocket": get("/version", *WEBSOCKET),
        "health to websocket": get("/healthz", *WEBSOCKET),
        "upgrade header alone": get(PODS, "Upgrade: websocket"),
        "connection header alone": get(PODS, "Connection: upgrade"),
        "upgrade among others": get(PODS, "Connection: keep-alive, Upgrade", "Upgrade: websocket"),
        "upgrade to TLS": get(PODS, "Connection: Upgrade", "Upgrade: TLS/1.0"),
        "upgrade to h2c": get(PODS, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMA"),
        "upgrade to the same": get(PODS, "Connection: Upgrade", "Upgrade: HTTP/1.1"),
        "connect": request("CONNECT 127.0.0.1:6443 HTTP/1.1"),
        "connect with a path": request(f"CONNECT {PODS} HTTP/1.1"),
        "http2 by prior knowledge": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "a request behind a refused upgrade": get(f"{PODS}/web/exec", *WEBSOCKET) + get(PODS),
        "frames behind a refused upgrade": get(f"{PODS}/web/exec", *WEBSOCKET) + b"\x81\x85\x00\x00\x00\x00hello",
        "token as websocket protocol": request(
            f"GET {PODS}/web/exec HTTP/1.1", *WEBSOCKET[:4],
            "Sec-WebSocket-Protocol: base64url.bearer.authorization.k8s.io.YWRhcy10b2tlbg", auth="",
        ),
        "token as websocket protocol of a list": request(
            f"GET {PODS} HTTP/1.1",
            "Sec-WebSocket-Protocol: base64url.bearer.authorization.k8s.io.YWRhcy10b2tlbg", auth="",
        ),
        "spdy on a list": request(f"GET {PODS} HTTP/1.1", *SPDY, f"X-Token: {TOKEN}"),
    },
}  # fmt: skip
