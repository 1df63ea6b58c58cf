"""Queries that two servers would read in two ways, and ones that ask about what is hidden."""

from __future__ import annotations

from tests.proxy.attempts.writing import APPLICATIONS, PODS, get

_REPEATED = {
    "labelSelector": ("a", "b"), "fieldSelector": ("metadata.name=a", "metadata.name=b"),
    "watch": ("false", "true"), "limit": ("1", "2"), "continue": ("a", "b"), "resourceVersion": ("1", "2"),
    "follow": ("false", "true"), "sendInitialEvents": ("true", "false"), "includeObject": ("None", "Object"),
    "unknown": ("1", "2"), "timeoutSeconds": ("1", "99"), "allowWatchBookmarks": ("1", "0"),
}  # fmt: skip
_SEALED = "AAAAAAAAAAAAAAAAAAAAAFsxNzAwMDAwMDAwMDAwMDAwLCJkZXYtYm9iIiwiIl0="

CLASSES: dict[str, dict[str, bytes]] = {
    "B2 repeated keys": {
        **{key: get(f"{PODS}?{key}={first}&{key}={last}") for key, (first, last) in _REPEATED.items()},
        "key repeated in encoding": get(f"{PODS}?watch=false&w%61tch=true"),
        "the same value twice": get(f"{PODS}?watch=true&watch=true"),
        "empty and full": get(f"{PODS}?labelSelector=&labelSelector=a"),
        "on a log": get(f"{PODS}/web/log?container=web&container=other"),
        "far apart": get(f"{PODS}?watch=0&" + "&".join(f"k{n}=1" for n in range(20)) + "&watch=1"),
    },
    "B2 fields as an oracle": {
        field: get(f"{path}?fieldSelector={field}=x")
        for path, fields in {
            PODS: (
                "spec.containers[0].env[0].value", "spec.containers[*].env[*].value", "metadata.annotations.a",
                "metadata.annotations['kubectl.kubernetes.io/last-applied-configuration']", "metadata.labels.a",
                "metadata.managedFields", "spec.volumes", "spec", "data", "..", "metadata.name.x", "Metadata.Name",
            ),
            APPLICATIONS: (
                "spec.source.repoURL", "spec.source.helm.values", "spec.destination.namespace",
                "status.sync.status",
            ),
            "/api/v1/namespaces/dev-ada/events": ("message", "involvedObject.resourceVersionX"),
        }.items()
        for field in fields
    },
    "B2 continue tokens": {
        "of kubernetes": get(f"{PODS}?limit=1&continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MX0"),
        "made up": get(f"{PODS}?limit=1&continue={_SEALED}"),
        "empty mark": get(f"{PODS}?limit=1&continue=WzFd"),
        "no base64": get(f"{PODS}?limit=1&continue=a.b.c"),
        "with a path": get(f"{PODS}?limit=1&continue=../../secrets"),
        "with a key of the store": get(f"{PODS}?continue=%2Fregistry%2Fsecrets%2Fdev-bob"),
        "without a limit": get(f"{PODS}?continue={_SEALED}"),
        "with a revision": get(f"{PODS}?limit=1&resourceVersion=1&continue={_SEALED}"),
        "very long": get(f"{PODS}?continue=" + "A" * 7000),
    },
    "B2 odd values": {
        query: get(f"{PODS}?{query}")
        for query in (
            "watch=maybe", "watch=TRUE", "watch=2", "watch=%00", "watch=true%00", "watch=%20true", "limit=-1",
            "limit=1e9", "limit=0x10", "limit=99999999999999999999", "limit=%2B1",
            "resourceVersion=1%20OR%201", "resourceVersion=-1", "resourceVersion=latest",
            "resourceVersion=1;2", "resourceVersionMatch=Any&resourceVersion=1", "resourceVersionMatch=Exact",
            "resourceVersionMatch=exact&resourceVersion=1", "labelSelector=a%0d%0aX-Remote-User:admin",
            "labelSelector=a%00b", "labelSelector=%ff%fe", "labelSelector=a%1b[2J", "labelSelector=((((",
            "labelSelector=a%20in%20(", "labelSelector=%C0%80", "labelSelector=" + "a" * 9000,
            "labelSelector=" + "(" * 3000, "labelSelector=" + ",".join(["!a"] * 65),
            "fieldSelector=" + ",".join(f"metadata.name!=a{number}" for number in range(65)),
            "fieldSelector=metadata.name", "fieldSelector=a%3D%3D%3Db",
            "includeObject=All", "includeObject=object", "timeoutSeconds=-5&watch=1",
            "sendInitialEvents=true&watch=1", "sendInitialEvents=perhaps&watch=1",
            "allowWatchBookmarks=perhaps&watch=1", "&".join(f"k{number}=1" for number in range(100)),
            "a%0ab=1", "%00=1", "%ff=1",
        )
    },
    "B2 logs": {
        query: get(f"{PODS}/web/log?{query}")
        for query in (
            "sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z", "container=a/b", "container=../x", "container=A",
            "container=a%00", "container=" + "a" * 64, "tailLines=-1", "tailLines=all", "limitBytes=-1",
            "limitBytes=1e3", "sinceTime=yesterday", "sinceTime=2026-01-01T00:00:00Z%0d%0aX:y", "follow=always",
            "previous=2", "timestamps=x", "sinceSeconds=1.5",
        )
    },
}  # fmt: skip
