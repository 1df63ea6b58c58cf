"""Attempts to be somebody else."""

from __future__ import annotations

from tests.proxy.attempts.writing import PODS, get, request
from tests.proxy.recorder import OWN, TOKEN

_BOBS_PODS = "/api/v1/namespaces/dev-bob/pods"
_NONE_JWT = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEiLCJhdWQiOiJjb29wLXByb3h5In0."

CLASSES: dict[str, dict[str, bytes]] = {
    "B3 identity headers": {
        header: get(PODS, header)
        for header in (
            "Impersonate-User: system:admin", "Impersonate-Group: system:masters", "Impersonate-Uid: 0",
            "Impersonate-Extra-scopes: all", "impersonate-user: bob", "IMPERSONATE-USER: bob",
            "Impersonate-User:", "Impersonate-Anything: x", "Impersonate_User: system:admin",
            "Impersonate User: bob", "X-Remote-User: system:admin", "x-remote-group: system:masters",
            "X-Remote-Uid: 0", "X-Remote-Extra-scopes: all", "X_Remote_User: system:admin",
            "X-Remote_User: system:admin", "X-Remote-User : system:admin", " X-Remote-User: system:admin",
            "X-Remote-User\t: system:admin", "X-R\u00e9mote-User: a", "X.Remote.User: a", "X-Remote-User\x00: a",
        )
    },
    "B3 headers that other proxies believe": {
        header: get(_BOBS_PODS, header)
        for header in (
            "X-Forwarded-User: bob", "X-Forwarded-Preferred-Username: bob", "X-Forwarded-Email: bob@example.org",
            "X-Forwarded-Groups: system:masters", "X-Forwarded-For: 127.0.0.1", "X-Forwarded-Host: localhost",
            "X-Forwarded-Uri: /api/v1/namespaces/dev-ada/pods", "X-Original-URL: /api/v1/namespaces/dev-ada/pods",
            "X-Rewrite-URL: /api/v1/namespaces/dev-ada/pods", "X-Forwarded-Prefix: /x", "X-Real-Ip: 127.0.0.1",
            "Forwarded: for=127.0.0.1;by=bob", "X-Auth-Request-User: bob", "X-User: bob", "Remote-User: bob",
            "X-Webauth-User: bob", "X-Client-Cert: x", "X-Ssl-Client-S-Dn: CN=bob", "X-Envoy-External-Address: ::1",
            "Proxy-Authorization: Bearer bobs-token", "Cookie: token=bobs-token", "X-Auth-Token: bobs-token",
            "Kubectl-Command: kubectl get", "User-Agent: kube-apiserver", "Via: 1.1 apiserver",
        )
    },
    "B3 headers named by Connection": {
        value: get(PODS, f"Connection: {value}", "Impersonate-User: a" if "Imp" in value else "X-A: b")
        for value in (
            "close, Impersonate-User", "Authorization", "keep-alive, Authorization", "Host", "X-Remote-User",
            "Content-Length", "Transfer-Encoding", "close, X-A", "TE", "Cookie", "x", "\u00e9", '"close"',
        )
    },
    "B3 tokens": {
        "none": request(auth=""),
        "empty": request(auth=" "),
        "wrong": request(auth="nobodys"),
        "of another audience": request(auth="other-audience"),
        "of an administrator": request(auth="admins-token"),
        "of bob, for ada's namespace": request(auth="bobs-token"),
        "the proxy's own": request(auth=OWN),
        "unsigned": request(auth=_NONE_JWT),
        "with a space": request(auth=f"{TOKEN} {TOKEN}"),
        "with a comma": request(auth=f"{TOKEN},bobs-token"),
        "cut": request(auth=TOKEN[:-1]),
        "longer": request(auth=f"{TOKEN}a"),
        "in upper case": request(auth=TOKEN.upper()),
        "with a line break": request(auth=f"{TOKEN}\r\n x"),
        "with a nul": request(auth=f"{TOKEN}\x00"),
        "very long": request(auth="a" * 9000),
        "basic": request(f"GET {PODS} HTTP/1.1", "Authorization: Basic YWRhOmFkYQ==", auth=""),
        "negotiate": request(f"GET {PODS} HTTP/1.1", "Authorization: Negotiate YWRh", auth=""),
        "digest": request(f"GET {PODS} HTTP/1.1", 'Authorization: Digest username="ada"', auth=""),
        "without a scheme": request(f"GET {PODS} HTTP/1.1", f"Authorization: {TOKEN}", auth=""),
        "scheme in upper case": request(f"GET {PODS} HTTP/1.1", f"Authorization: BEARER {TOKEN}", auth=""),
        "two": request(f"GET {PODS} HTTP/1.1", "Authorization: Bearer other"),
        "the same twice": request(f"GET {PODS} HTTP/1.1", f"Authorization: Bearer {TOKEN}"),
        "in the query": request(f"GET {PODS}?access_token={TOKEN} HTTP/1.1", auth=""),
        "in the query as bearer": request(f"GET {PODS}?token={TOKEN}&authorization={TOKEN} HTTP/1.1", auth=""),
        "in a cookie": request(f"GET {PODS} HTTP/1.1", f"Cookie: token={TOKEN}", auth=""),
        "in the path": request(f"GET /{TOKEN}{PODS} HTTP/1.1", auth=""),
        "for the proxy header": request(f"GET {PODS} HTTP/1.1", f"Proxy-Authorization: Bearer {TOKEN}", auth=""),
        "none for discovery": request("GET /api/v1 HTTP/1.1", auth=""),
        "none for the version": request("GET /version HTTP/1.1", auth=""),
    },
    "3.2 web pages": {
        "origin": get(PODS, "Origin: https://evil.example.org"),
        "origin of itself": get(PODS, "Origin: https://localhost:8443"),
        "null origin": get(PODS, "Origin: null"),
        "fetch metadata": get(PODS, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"),
        "preflight": request(f"OPTIONS {PODS} HTTP/1.1", "Origin: https://evil.example.org",
                             "Access-Control-Request-Method: GET", auth=""),
        "rebound name without a token": request(f"GET {PODS} HTTP/1.1", host="Host: evil.example.org", auth=""),
        "form": request(
            f"POST {PODS} HTTP/1.1", "Content-Type: text/plain", "Content-Length: 2", body="{}", auth=""
        ),
        "form with a request in it": request(
            f"POST {PODS} HTTP/1.1", f"Content-Length: {len(get(PODS))}", body=get(PODS).decode(), auth=""
        ),
    },
}  # fmt: skip
