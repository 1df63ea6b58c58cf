"""Requests, written out."""

from __future__ import annotations

from tests.proxy.recorder import TOKEN

PODS = "/api/v1/namespaces/dev-ada/pods"
APPLICATIONS = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications"
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"

QUESTION = '{"spec": {"nonResourceAttributes": {"path": "/api", "verb": "get"}}}'
"""A review that would be answered, were it asked as it should be."""

WEBSOCKET = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Protocol: v4.channel.k8s.io",
)
SPDY = ("Connection: Upgrade", "Upgrade: SPDY/3.1", "X-Stream-Protocol-Version: v4.channel.k8s.io")


def request(
    line: str = f"GET {PODS} HTTP/1.1", *extra: str, body: str = "", host: str = "Host: x", auth: str = TOKEN
) -> bytes:
    authorization = [f"Authorization: Bearer {auth}"] if auth else []
    head = "\r\n".join([line, *([host] if host else []), *authorization, *extra])
    return f"{head}\r\n\r\n{body}".encode("latin-1")


def get(path: str, *extra: str) -> bytes:
    return request(f"GET {path} HTTP/1.1", *extra)


def write(method: str, path: str, *extra: str, body: str = "{}") -> bytes:
    lengths = (f"Content-Length: {len(body)}", "Content-Type: application/json")
    return request(f"{method} {path} HTTP/1.1", *lengths, *extra, body=body)
