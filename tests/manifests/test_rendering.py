from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coop_core import yamls
from coop_core.cluster import labels
from coop_core.errors import CoopError
from coop_core.manifests import Target, host, is_same_deployment, render
from coop_core.spec import EnvironmentSpec, ServiceSpec, parse_extras

IMAGE = "coop.local/hello@sha256:" + "0" * 64
SPEC = ServiceSpec("hello", run="python -m hello", health="/healthz", env={"GREETING": "hello"})
ADA = Target("dev-ada", "a" * 40)


def rendered(spec: ServiceSpec = SPEC, target: Target = ADA, **extras: str) -> dict[str, Any]:
    """The resources by file name. extras: k8s file name, without folder and ending, to YAML."""
    files = {f"k8s/{name.replace('__', '/')}.yaml": text.encode() for name, text in extras.items()}
    return {name: yamls.load(text, name) for name, text in render(spec, target, IMAGE, parse_extras(files)).items()}


def container(found: dict[str, Any]) -> dict[str, Any]:
    first: dict[str, Any] = found["deployment-hello.yaml"]["spec"]["template"]["spec"]["containers"][0]
    return first


def test_a_service_becomes_three_files() -> None:
    assert list(rendered()) == ["deployment-hello.yaml", "ingress-hello.yaml", "service-hello.yaml"]


def test_a_deployment_starts_the_new_before_it_ends_the_old() -> None:
    spec = rendered()["deployment-hello.yaml"]["spec"]
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    assert spec["progressDeadlineSeconds"] == 60
    assert "progressDeadlineSeconds" not in rendered(target=Target("main", "a"))["deployment-hello.yaml"]["spec"]


def test_a_container_gets_its_command_port_variables_and_probe() -> None:
    found = container(rendered())
    assert found["command"] == ["python", "-m", "hello"]
    assert found["env"] == [{"name": "GREETING", "value": "hello"}, {"name": "PORT", "value": "8080"}]
    assert found["ports"] == [{"name": "http", "containerPort": 8080}]
    assert found["readinessProbe"]["httpGet"] == {"path": "/healthz", "port": "http"}
    assert found["image"] == IMAGE


def test_without_a_health_path_an_open_port_is_ready_and_without_run_the_image_starts_itself() -> None:
    found = container(rendered(ServiceSpec("hello")))
    assert found["readinessProbe"]["tcpSocket"] == {"port": "http"}
    assert "command" not in found


@pytest.mark.parametrize(("run", "command"), [
    ("python -m hello", ["python", "-m", "hello"]),
    ("serve 'two words' \"and more\"", ["serve", "two words", "and more"]),
    ("serve --port=1", ["serve", "--port=1"]),
    ("serve $PORT", ["/bin/sh", "-c", "serve $PORT"]),
    ("A=1 serve", ["/bin/sh", "-c", "A=1 serve"]),
    ("a && b", ["/bin/sh", "-c", "a && b"]),
    ("a > b", ["/bin/sh", "-c", "a > b"]),
    ("ls *.py", ["/bin/sh", "-c", "ls *.py"]),
    ("a\nb", ["/bin/sh", "-c", "a\nb"]),
])  # fmt: skip
def test_a_shell_runs_only_what_is_written_for_one(run: str, command: list[str]) -> None:
    assert container(rendered(ServiceSpec("hello", run=run)))["command"] == command


def test_a_service_is_told_where_others_are_when_it_needs_any() -> None:
    found = [rendered(ServiceSpec("hello", needs=needs))["deployment-hello.yaml"] for needs in ((), ("api",))]
    assert [one["spec"]["template"]["spec"]["enableServiceLinks"] for one in found] == [False, True]


def test_everything_carries_the_labels_and_the_namespace() -> None:
    for body in rendered(notes="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: notes, labels: {a: b}}").values():
        assert body["metadata"]["namespace"] == "dev-ada"
        assert body["metadata"]["labels"] | {"a": "b"} == {
            labels.NAME: "hello", labels.MANAGED_BY: "coop", labels.ENVIRONMENT: "dev-ada", "a": "b",
        }  # fmt: skip


def test_the_selector_finds_the_pods() -> None:
    found = rendered()
    template = found["deployment-hello.yaml"]["spec"]["template"]["metadata"]
    selector = found["deployment-hello.yaml"]["spec"]["selector"]["matchLabels"]
    assert selector.items() <= template["labels"].items()
    assert found["service-hello.yaml"]["spec"]["selector"] == selector
    assert template["annotations"] == {labels.SOURCE_COMMIT: "a" * 40}


def test_a_source_commit_of_digits_stays_text() -> None:
    found = rendered(target=Target("dev-ada", "1234e567"))
    template = found["deployment-hello.yaml"]["spec"]["template"]
    assert template["metadata"]["annotations"][labels.SOURCE_COMMIT] == "1234e567"


def test_the_host_says_service_environment_and_domain() -> None:
    spec = ServiceSpec("hello", main=EnvironmentSpec(host="hello.example.org"))
    assert host(spec, "dev-ada") == "hello.dev-ada.localhost"
    assert host(spec, "main") == "hello.example.org"
    rule = rendered(spec, Target("dev-ada", "a", "example.net"))["ingress-hello.yaml"]["spec"]["rules"][0]
    assert rule["host"] == "hello.dev-ada.example.net"


def test_an_extra_is_added_to_the_environments_it_is_for() -> None:
    notes = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: notes}\n"
    assert "configmap-notes.yaml" in rendered(main__notes=notes, target=Target("main", "a"))
    assert "configmap-notes.yaml" not in rendered(main__notes=notes)
    assert "configmap-notes.yaml" in rendered(personal__notes=notes)


def test_the_environments_own_extra_is_merged_over_the_common_one() -> None:
    common = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: notes}\ndata: {a: '1', b: '1'}\n"
    own = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: notes}\ndata: {b: '2'}\n"
    assert rendered(notes=common, personal__notes=own)["configmap-notes.yaml"]["data"] == {"a": "1", "b": "2"}


PATCH = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: hello}\nspec:\n"


def test_an_extra_of_the_same_name_is_merged_onto_the_generated_one() -> None:
    found = rendered(patch=f"{PATCH}  minReadySeconds: 5\n  progressDeadlineSeconds: null\n")
    spec = found["deployment-hello.yaml"]["spec"]
    assert spec["minReadySeconds"] == 5
    assert spec["replicas"] == 1
    assert "progressDeadlineSeconds" not in spec


def test_containers_and_variables_are_merged_by_name() -> None:
    found = rendered(patch=(
        f"{PATCH}  template:\n    spec:\n      containers:\n"
        "      - name: hello\n        resources: {limits: {memory: 1Gi}}\n"
        "        env:\n        - {name: GREETING, valueFrom: {fieldRef: {fieldPath: metadata.name}}}\n"
        "        - {name: MORE, value: x}\n      - {name: helper, image: busybox}\n"
    ))  # fmt: skip
    first, second = found["deployment-hello.yaml"]["spec"]["template"]["spec"]["containers"]
    assert first["image"] == IMAGE
    assert first["resources"] == {"limits": {"memory": "1Gi"}}
    assert first["env"] == [
        {"name": "GREETING", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "PORT", "value": "8080"},
        {"name": "MORE", "value": "x"},
    ]
    assert second == {"name": "helper", "image": "busybox"}


def test_every_other_list_is_replaced() -> None:
    found = rendered(ports=(
        "apiVersion: v1\nkind: Service\nmetadata: {name: hello}\nspec:\n  ports: [{name: web, port: 81}]\n"
    ))  # fmt: skip
    assert found["service-hello.yaml"]["spec"]["ports"] == [{"name": "web", "port": 81}]


def test_another_namespace_is_refused() -> None:
    with pytest.raises(CoopError, match="belongs to the namespace 'kube-system'") as caught:
        rendered(x="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: kube-system}\n")
    assert caught.value.remedy == "remove metadata.namespace: coop sets it"
    assert rendered(x="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: dev-ada}\n")


def test_cluster_wide_and_custom_kinds_get_no_namespace() -> None:
    found = rendered(
        a="apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: foos.x.org}\n",
        b="apiVersion: example.org/v1\nkind: Foo\nmetadata: {name: bar}\n",
        c="apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: 'system:x'}\n",
    )
    assert "namespace" not in found["customresourcedefinition-foos.x.org.yaml"]["metadata"]
    assert "namespace" not in found["foo-bar.yaml"]["metadata"]
    (role,) = [body for body in found.values() if body["kind"] == "Role"]
    assert role["metadata"]["namespace"] == "dev-ada"


def test_kinds_of_two_groups_and_odd_names_get_files_of_their_own() -> None:
    found = rendered(
        a="apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: hello}\n",
        b="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 'a:b'}\n",
        c="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a-b}\n",
    )
    assert len(found) == 6
    assert {"service-hello.yaml", "service.serving.knative.dev-hello.yaml", "configmap-a-b.yaml"} <= set(found)


_ENV = st.dictionaries(st.from_regex(r"[A-Z][A-Z0-9_]{0,8}", fullmatch=True), st.text(max_size=20), max_size=5)


@given(env=_ENV, port=st.integers(1, 65535), replicas=st.integers(0, 9), run=st.sampled_from(["", "a b", "a | b"]))
def test_the_same_input_gives_the_same_bytes(env: dict[str, str], port: int, replicas: int, run: str) -> None:
    def once(variables: dict[str, str]) -> dict[str, bytes]:
        return render(
            ServiceSpec("hello", run, port, env=variables, personal=EnvironmentSpec(replicas)), ADA, IMAGE
        )

    first = once(env)
    assert first == once(dict(reversed(env.items())))
    for name, text in first.items():
        assert yamls.dump(yamls.load(text, name)) == text
    written = {
        item["name"]: item["value"] for item in container({n: yamls.load(t, n) for n, t in first.items()})["env"]
    }
    assert written == {**env, "PORT": str(port)}


def test_only_the_source_commit_may_differ_in_the_same_deployment() -> None:
    one, other = render(SPEC, ADA, IMAGE), render(SPEC, Target("dev-ada", "b" * 40), IMAGE)
    assert one != other
    assert is_same_deployment(one, other)
    assert not is_same_deployment(one, render(SPEC, ADA, IMAGE.replace("0", "1")))
    assert not is_same_deployment(one, {**one, "more.yaml": b""})
    assert not is_same_deployment({"a.yaml": b"a: 1\n"}, {"a.yaml": b"a: 2\n"})
    assert not is_same_deployment({"a.yaml": b"["}, {"a.yaml": b"]"})


def test_a_source_commit_inside_a_text_is_part_of_the_deployment() -> None:
    def notes(source: str) -> dict[str, bytes]:
        body = {"kind": "ConfigMap", "data": {"x": f"{labels.SOURCE_COMMIT}: {source}\n"}}
        return {"configmap-x.yaml": yamls.dump(body)}

    assert not is_same_deployment(notes("a"), notes("b"))
