from __future__ import annotations

import pytest

from coop_core.errors import CoopError
from coop_core.spec import parse_extras

MAP = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: notes}\ndata: {a: x}\n"


def problem(files: dict[str, bytes]) -> tuple[str, str]:
    with pytest.raises(CoopError) as caught:
        parse_extras(files)
    return caught.value.why, caught.value.remedy


def test_resources_come_from_k8s_and_its_two_folders() -> None:
    files = {
        "k8s/a.yaml": MAP,
        "k8s/main/b.yml": MAP,
        "k8s/personal/c.yaml": MAP,
        "coop.yaml": b"[",
        "k8s/x.txt": b"[",
    }
    assert [(extra.where, extra.scope) for extra in parse_extras(files)] == [
        ("k8s/a.yaml:1", ""), ("k8s/main/b.yml:1", "main"), ("k8s/personal/c.yaml:1", "personal"),
    ]  # fmt: skip


def test_a_file_may_hold_several_documents_and_lists() -> None:
    text = (
        b"---\n"
        + MAP
        + b"---\n---\napiVersion: v1\nkind: List\nitems:\n- "
        + MAP.replace(b"notes", b"more").replace(b"\n", b"\n  ")
    )
    assert [extra.key for extra in parse_extras({"k8s/a.yaml": text})] == [
        ("", "ConfigMap", "notes"), ("", "ConfigMap", "more"),
    ]  # fmt: skip


def test_the_group_is_part_of_what_a_resource_is() -> None:
    text = b"apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: hello}\n"
    assert parse_extras({"k8s/a.yaml": text})[0].key == ("serving.knative.dev", "Service", "hello")


def test_a_secret_is_refused_with_a_way_out() -> None:
    why, remedy = problem({"k8s/s.yaml": MAP.replace(b"ConfigMap", b"Secret")})
    assert why == "k8s/s.yaml:1: a Secret would be readable by everybody who can read Git"
    assert "SealedSecret" in remedy


@pytest.mark.parametrize(("text", "why"), [
    (b"kind: ConfigMap\nmetadata: {name: a}", "k8s/a.yaml:1: apiVersion is missing"),
    (b"apiVersion: v1\nmetadata: {name: a}", "k8s/a.yaml:1: kind is missing"),
    (b"apiVersion: v1\nkind: ConfigMap", "k8s/a.yaml:1: metadata.name is missing"),
    (b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: A_b", "k8s/a.yaml:4: metadata.name is 'A_b'"),
    (b"apiVersion: v1\nkind: ../x\nmetadata: {name: a}", "k8s/a.yaml:2: kind is '../x'"),
    (b"- a", "k8s/a.yaml:1: it is no Kubernetes resource"),
    (b"just text", "k8s/a.yaml:1: it is no Kubernetes resource"),
    (MAP + b"---\n" + MAP, "k8s/a.yaml:6: ConfigMap notes is there already, in k8s/a.yaml:1"),
    (MAP.replace(b"a: x", b"a: 5"), "k8s/a.yaml:4: data.a is no text"),
    (MAP.replace(b"name: notes", b"name: a, labels: {x: true}"), "k8s/a.yaml:3: metadata.labels.x is no text"),
    (MAP.replace(b"v1\nkind: ConfigMap", b"argoproj.io/v1alpha1\nkind: Application"),
     "k8s/a.yaml:1: coop makes the application of each service"),
])  # fmt: skip
def test_what_is_no_resource_is_named_with_its_line(text: bytes, why: str) -> None:
    told, remedy = problem({"k8s/a.yaml": text})
    assert told == why
    assert remedy


def test_a_folder_that_stands_for_no_environment_is_refused() -> None:
    why, remedy = problem({"k8s/staging/a.yaml": MAP})
    assert why == "k8s/staging/a.yaml:1: the folder k8s/staging stands for no environment"
    assert remedy == "move it to k8s/, k8s/main/ or k8s/personal/"
