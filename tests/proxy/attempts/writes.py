"""Requests that would change something."""

from __future__ import annotations

from tests.proxy.attempts.writing import APPLICATIONS, PODS, QUESTION, REVIEWS, get, request, write

_OWN = "/api/v1/namespaces/dev-ada"
_REVIEW = "/apis/authentication.k8s.io/v1"

CLASSES: dict[str, dict[str, bytes]] = {
    "writes of objects": {
        "delete": write("DELETE", f"{PODS}/web"),
        "delete all": write("DELETE", PODS),
        "delete all of the cluster": write("DELETE", "/api/v1/pods"),
        "create": write("POST", PODS),
        "update": write("PUT", f"{PODS}/web"),
        "patch": write("PATCH", f"{PODS}/web"),
        "apply": write("PATCH", f"{PODS}/web?fieldManager=x&force=true"),
        "json patch": write("PATCH", f"{PODS}/web", body="[]"),
        "status": write("PUT", f"{PODS}/web/status"),
        "scale": write("PATCH", "/apis/apps/v1/namespaces/dev-ada/deployments/web/scale"),
        "restart": write("PATCH", "/apis/apps/v1/namespaces/dev-ada/deployments/web"),
        "sync by operation": write("PATCH", f"{APPLICATIONS}/dev-ada-web"),
        "refresh by annotation": write("PATCH", f"{APPLICATIONS}/main-web"),
        "binding": write("POST", f"{PODS}/web/binding"),
        "eviction": write("POST", f"{PODS}/web/eviction"),
        "ephemeral container": write("PATCH", f"{PODS}/web/ephemeralcontainers"),
        "namespace": write("POST", "/api/v1/namespaces"),
        "namespace deleted": write("DELETE", "/api/v1/namespaces/dev-ada"),
        "secret": write("POST", f"{_OWN}/secrets"),
        "event": write("POST", f"{_OWN}/events"),
        "job from a cron job": write("POST", "/apis/batch/v1/namespaces/dev-ada/jobs"),
    },
    "writes that say they are none": {
        "dry run": write("POST", f"{PODS}?dryRun=All"),
        "dry run twice": write("POST", f"{PODS}?dryRun=All&dryRun="),
        "delete with dry run": write("DELETE", f"{PODS}/web?dryRun=All"),
        "watch by post": write("POST", f"{PODS}?watch=true"),
        "method override": write("POST", PODS, "X-HTTP-Method-Override: GET"),
        "method override to delete": get(f"{PODS}?_method=DELETE", "X-HTTP-Method: DELETE", "Content-Length: 1"),
        "get with a body": request(f"GET {PODS} HTTP/1.1", "Content-Length: 2", body="{}"),
    },
    "reviews of others": {
        "token review": write("POST", f"{_REVIEW}/tokenreviews"),
        "subject access review": write("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews"),
        "local subject access review": write(
            "POST", "/apis/authorization.k8s.io/v1/namespaces/dev-ada/localsubjectaccessreviews"
        ),
        "token request": write("POST", f"{_OWN}/serviceaccounts/default/token"),
        "self review by put": write("PUT", REVIEWS, body=QUESTION),
        "self review by patch": write("PATCH", REVIEWS, body=QUESTION),
        "self review by get": get(REVIEWS),
        "self review of an older version": write("POST", REVIEWS.replace("/v1/", "/v1beta1/"), body=QUESTION),
        "self review with a slash": write("POST", f"{REVIEWS}/", body=QUESTION),
        "self review of a name": write("POST", f"{REVIEWS}/x"),
        "self review that is none": write("POST", REVIEWS, body="[]"),
        "self review that is broken": write("POST", REVIEWS, body="{"),
        "self review nested deep": write("POST", REVIEWS, body='{"spec":' * 3000),
        "self review as a form": request(
            f"POST {REVIEWS} HTTP/1.1", "Content-Length: 3", "Content-Type: application/x-www-form-urlencoded",
            body="a=b",
        ),
        "self review that is too long": write("POST", REVIEWS, body=" " * 70_000),
        "self review in broken protobuf": request(
            f"POST {REVIEWS} HTTP/1.1", "Content-Length: 8", "Content-Type: application/vnd.kubernetes.protobuf",
            body="k8s\x00\x12\xff\xff\xff",
        ),
        "self review in protobuf of many fields": request(
            f"POST {REVIEWS} HTTP/1.1", "Content-Length: 6004", "Content-Type: application/vnd.kubernetes.protobuf",
            body="k8s\x00" + "\x12\x00" * 3000,
        ),
    },
    "methods": {
        method: request(f"{method} {PODS} HTTP/1.1")
        for method in (
            "HEAD", "OPTIONS", "TRACE", "TRACK", "PROPFIND", "MKCOL", "COPY", "MOVE", "LOCK", "SEARCH", "PURGE",
            "DEBUG", "LINK", "BREW", "M-SEARCH", "get", "Get", "GET\t", "G\x00ET",
        )
    },
}  # fmt: skip
