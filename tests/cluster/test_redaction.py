from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coop_core.cluster.redaction import HIDDEN, application, scrub, shown
from tests.growth import assert_in_proportion


@pytest.mark.parametrize(
    "secret",
    [
        "postgres://app:hunter2@db/app",
        "https://ghp_abcdefghijklmnopqrstuvwxyz@github.com/x",
        "AKIAABCDEFGHIJKLMNOP",
        "eyJhbGciOiJI.eyJzdWIiOiIx.sig",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE",
        "Authorization: Bearer abcdefgh12345678",
        "Authorization: Basic YXBwOmh1bnRlcjI=",
        "Get http://10.0.0.1/?a=b&access_token=hunter2: refused",
        "/callback?key=hunter2#here",
        "postgres://app:hunter2/hunter2@db/app",
        "https://bot:hunter2@hunter2@git.example.org/x",
        "redis://:hunter2@cache:6379/0",
        "exit 1: DB_PASSWORD=hunter2 MODE=fast ./run",
        "sh -c 'export API_KEY=\"hunter2 and hunter2\"; serve'",
        "run --env=DB_PASSWORD=hunter2",
        '{"auths": {"docker.io": {"auth": "hunter2"}}}',
        '{"env": "{\\"client_secret\\": \\"hunter2\\"}"}',
        "sk_live_abcdefghijklmnop",
        "https://hooks.slack.com/services/T0/B0/abcdefghijklmnop",
    ],
)
def test_known_shapes_of_secrets_are_hidden_in_any_text(secret: str) -> None:
    assert HIDDEN in scrub(f"before {secret} after")
    assert "hunter2" not in scrub(secret)
    assert "abcdefghijklmnop" not in scrub(secret)
    assert "YXBw" not in scrub(secret)


@pytest.mark.parametrize(
    "plain",
    [
        "http://example.org/a?b=c&keys=d", "hello", "1.2.3", "user@example.org", "sha256:" + "a" * 64,
        "docker://registry:5000/web@sha256:" + "a" * 64, 'secret "web" not found', "LEVEL=debug",
        '{"level": "debug"}',
        "Error: couldn't find key password in Secret dev/web", "app.kubernetes.io/name=web,tier!=auth",
    ],
)  # fmt: skip
def test_ordinary_text_stays(plain: str) -> None:
    assert scrub(plain) == plain


_ENDLESS = [
    "eyJ-", "eyJaaaaa-", "eyJaaaaa.eyJaaaaa", "-----BEGIN ", "a://", "a:a@", "a://a:", "?a", "a=", 'a="', '"a":"',
    'token=\\"', '"key":"\\', "gh_ghp_a-", "bearer ", "Authorization: Basic ", "a.eyJ", "hooks.slack.com/",
    " ", "a", "=",
]  # fmt: skip


@pytest.mark.parametrize("piece", _ENDLESS)
def test_no_text_takes_more_than_in_proportion_to_its_length(piece: str) -> None:
    assert_in_proportion(scrub, piece, "password=https://")


@pytest.mark.parametrize(
    "name",
    ["PASSWORD", "DB_PASS", "API_KEY", "apiKey", "SECRET_KEY_BASE", "GITHUB_TOKEN", "PGPASSWORD", "DATABASE_URL",
     "STRIPE_KEY", "CONN_STR", "AWS_CREDS", "VAPID_PRIVATE", "REQUEST_SIG"],
)  # fmt: skip
def test_values_of_secret_looking_variables_are_hidden_in_pods_and_templates(name: str) -> None:
    container = {"name": "web", "env": [{"name": name, "value": "x1"}, {"name": "MODE", "value": "x2"}]}
    pod: dict[str, Any] = {"kind": "Pod", "spec": {"containers": [container], "initContainers": [container]}}
    for body in (pod, {"kind": "Deployment", "spec": {"template": {"spec": pod["spec"]}}}):
        before = copy.deepcopy(body)
        text = str(shown(body))
        assert "x1" not in text
        assert "x2" in text
        assert name in text
        assert body == before


def test_the_argument_after_a_secret_flag_is_hidden() -> None:
    body = {"spec": {"containers": [{"name": "c", "args": ["--token", "abc", "--port", "80", "--password=x"]}]}}
    assert shown(body)["spec"]["containers"][0]["args"] == [
        "--token",
        HIDDEN,
        "--port",
        "80",
        f"--password={HIDDEN}",
    ]


def test_text_that_goes_on_and_on_is_cut() -> None:
    assert len(scrub("a" * 1_000_000)) == len(scrub("a=" * 500_000)) == 64 * 1024


def test_a_command_line_for_a_shell_is_searched_too() -> None:
    line = "serve --port 80 --token hunter2 -v --api-key 'hunter2'; login -password hunter2 --token"
    body = {"spec": {"containers": [{"name": "c", "command": ["sh", "-c", line]}]}}
    (_, _, shown_line) = shown(body)["spec"]["containers"][0]["command"]
    assert "hunter2" not in shown_line
    assert shown_line.startswith(f"serve --port 80 --token {HIDDEN} -v --api-key {HIDDEN}")


@pytest.mark.parametrize("piece", [*_ENDLESS, "--a", "-- ", "--a ", "--token a"])
def test_no_command_line_takes_more_than_in_proportion_to_its_length(piece: str) -> None:
    assert_in_proportion(lambda text: shown({"spec": {"args": [text]}}), piece, "run --token ")


HANDLERS: list[dict[str, Any]] = [
    {"exec": {"command": ["curl", "--password", "hunter2", "--token=hunter2", "PASSWORD=hunter2"]}},
    {"httpGet": {"path": "/?token=hunter2", "port": 80}},
    {"httpGet": {"path": "/", "httpHeaders": [{"name": "Authorization", "value": "Basic hunter2"}]}},
    {"httpGet": {"path": "/", "httpHeaders": [{"name": "X-Api-Key", "value": "hunter2"}]}},
]


@pytest.mark.parametrize("handler", HANDLERS)
@pytest.mark.parametrize("probe", ["livenessProbe", "readinessProbe", "startupProbe", "postStart", "preStop"])
def test_what_a_probe_or_a_hook_runs_or_sends_is_hidden_as_in_arguments(
    probe: str, handler: dict[str, Any]
) -> None:
    place = {"lifecycle": {probe: handler}} if probe.startswith("p") else {probe: {**handler, "periodSeconds": 5}}
    body = {"kind": "Pod", "spec": {"containers": [{"name": "web", **place}]}}
    text = str(shown(body))
    assert "hunter2" not in text
    assert HIDDEN in text


POD_SPEC: dict[str, Any] = {
    "containers": [
        {
            "name": "web",
            "command": ["serve", "--token", "hunter2"],
            "env": [{"name": "API_KEY", "value": "hunter2"}],
        }
    ]
}
TEMPLATE: dict[str, Any] = {"metadata": {"annotations": {"password": "hunter2"}}, "spec": POD_SPEC}


@pytest.mark.parametrize(
    "body",
    [
        *(
            {"kind": kind, "spec": {"template": TEMPLATE}}
            for kind in ("Deployment", "StatefulSet", "DaemonSet", "Job")
        ),
        {"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": TEMPLATE}}}},
        {"kind": "PodTemplate", "template": TEMPLATE},
        {"kind": "Workflow", "spec": {"templates": [{"name": "first", "container": POD_SPEC["containers"][0]}]}},
    ],
    ids=lambda body: str(body["kind"]),
)
def test_templates_of_every_kind_are_searched(body: dict[str, Any]) -> None:
    text = str(shown(body))
    assert "hunter2" not in text
    assert "--token" in text


@pytest.mark.parametrize(
    "name",
    [
        "kubectl.kubernetes.io/last-applied-configuration", "objectset.rio.cattle.io/applied",
        "kapp.k14s.io/original", "banzaicloud.com/last-applied",
    ],
)  # fmt: skip
def test_annotations_that_hold_a_copy_of_the_object_are_dropped(name: str) -> None:
    annotations = {name: '{"spec":{"x":"hunter2"}}', "deployment.kubernetes.io/revision": "3"}
    for body in ({"metadata": {"annotations": annotations}}, {"spec": {"metadata": {"annotations": annotations}}}):
        text = str(shown(body))
        assert "hunter2" not in text
        assert name not in text
        assert "revision" in text


def test_attributes_of_volumes_keep_their_names_alone() -> None:
    volume = {"name": "v", "csi": {"driver": "d", "volumeAttributes": {"key1": "hunter2"}}}
    flexible = {"name": "w", "flexVolume": {"driver": "d", "options": {"key2": "hunter2"}}}
    body = {"spec": {"volumes": [volume, flexible], "dnsConfig": {"options": [{"name": "ndots", "value": "5"}]}}}
    text = str(shown(body))
    assert "hunter2" not in text
    assert all(word in text for word in ("key1", "key2", "ndots", "'5'"))


@pytest.mark.parametrize("field", ["spec", "status", "message", "note", "data", "webhooks", "anything"])
def test_fields_that_nobody_thought_of_are_searched_too(field: str) -> None:
    assert "hunter2" not in str(shown({"kind": "X", field: [{"deep": "https://a:hunter2@b"}, "password=hunter2"]}))


KEYS = st.sampled_from(
    ("metadata", "spec", "status", "containers", "env", "source", "sync", "annotations", "args",
     "conditions", "httpHeaders", "template", "syncPolicy", "automated", "destination", "name", "value")
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=25,
)


@given(st.dictionaries(st.sampled_from(["metadata", "spec", "status", "operation", "kind", "message"]), JSON))
def test_no_shape_of_an_object_breaks_it(body: dict[str, Any]) -> None:
    shown(body)
    application(body)
