"""What reaches the engine for a commit, and what comes back: the real SDK against a session's server."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from coop_core.build.dagger.recipes import BASE_IMAGES
from coop_core.errors import CoopError
from tests.build_dagger.kit import arguments, words

if TYPE_CHECKING:
    from tests.build_dagger.kit import Kit
    from tests.build_dagger.session_server import SessionServer


async def test_a_python_program_becomes_an_image_on_the_pinned_base(kit: Kit, server: SessionServer) -> None:
    kit.write("requirements.txt", "flask==3.1\n")
    async with kit.builder() as builder:
        image = await builder.build(kit.request())
    assert image.reference.startswith("registry.example.org/team/hello@sha256:")
    assert not image.was_cached
    [made] = server.calls("Container.sync")
    assert arguments(made, "from") == [{"address": BASE_IMAGES["python"]}]
    [install] = arguments(made, "withExec")
    assert install["args"][-2:] == ["--requirement", "requirements.txt"]
    assert arguments(made, "withDefaultArgs") == [{"args": ["python", "-m", "hello"]}]
    assert arguments(made, "withUser") == [{"name": "65534"}]
    [asked, program] = arguments(made, "withDirectory")
    assert words_of(asked["source"]) == ["directory", "withNewFile"]
    assert asked["source"][1][1] == {"path": "requirements.txt", "contents": "flask==3.1\n"}
    assert words(made).index("withExec") < len(words(made)) - words(made)[::-1].index("withDirectory")
    assert program["path"] == "/app"


def words_of(chain: list[list[object]]) -> list[object]:
    return [call[0] for call in chain]


async def test_what_is_uploaded_is_the_commit_and_never_the_working_tree(kit: Kit, server: SessionServer) -> None:
    kit.write("k8s/extra.yaml", "kind: ConfigMap\n")
    request = kit.request()
    kit.write("hello.py", "print('dirty')\n")
    kit.write("untracked.py", "x\n")
    async with kit.builder() as builder:
        await builder.build(request)
    assert server.uploads == [{"hello.py": "print('one')\n"}]


async def test_a_folder_is_read_anew_on_every_build_and_pinned(kit: Kit, server: SessionServer) -> None:
    async with kit.builder() as builder:
        first = await builder.build(kit.request())
        kit.write("hello.py", "print('two')\n")
        second = await builder.build(kit.request())
    assert first.reference != second.reference
    assert [files["hello.py"] for files in server.uploads] == ["print('one')\n", "print('two')\n"]
    for chain in server.calls("Directory.sync"):
        assert arguments(chain, "directory")[0]["noCache"] is True
    [path] = {arguments(chain, "directory")[0]["path"] for chain in server.calls("Directory.sync")}
    assert str(kit.folder / "staging") in path
    # The upload is asked for once a build: everything after stands on the pinned copy.
    assert len(server.uploads) == 2


async def test_it_says_when_the_image_is_made_and_its_push_begins(kit: Kit, server: SessionServer) -> None:
    reached_before: list[str] = []
    request = replace(
        kit.request(), progress=lambda told: reached_before.extend([*map(first, server.reached), str(told)])
    )
    async with kit.builder() as builder:
        await builder.build(request)
        assert reached_before == ["Query.version", "Directory.sync", "Container.sync", "Pushing()"]
        reached_before.clear()
        assert (await builder.build(request)).was_cached
    assert reached_before == []


def first(pair: tuple[str, object]) -> str:
    return pair[0]


async def test_the_same_content_is_neither_built_nor_published_again(kit: Kit, server: SessionServer) -> None:
    async with kit.builder() as builder:
        first = await builder.build(kit.request())
        kit.write("coop.yaml", "name: hello\nrun: python -m hello\nport: 81\n")
        again = await builder.build(kit.request())
        assert again.was_cached
        assert again.reference == first.reference
        assert len(server.calls("Container.publish")) == 1
        kit.write("coop.yaml", "name: hello\nrun: python -m hello --loud\n")
        assert not (await builder.build(kit.request())).was_cached


async def test_a_dockerfile_gets_target_arguments_secrets_and_platform(kit: Kit, server: SessionServer) -> None:
    kit.environ["NPM_TOKEN"] = "s3cret-from-env"
    kit.write("docker/Dockerfile", "FROM scratch\n")
    kit.write("coop.yaml", """\
name: hello
build:
  dockerfile: docker/Dockerfile
  target: runtime
  args: {VERSION: 3}
  secrets: {token: {env: NPM_TOKEN}, other: {command: "printf 's3cret-%s' printed"}}
  platform: linux/arm64
""")  # fmt: skip
    async with kit.builder() as builder:
        await builder.build(kit.request())
    [made] = server.calls("Container.sync")
    [told] = arguments(made, "dockerBuild")
    secrets = told.pop("secrets")
    assert told == {
        "dockerfile": "docker/Dockerfile", "target": "runtime", "platform": "linux/arm64",
        "buildArgs": [{"name": "VERSION", "value": "3"}],
    }  # fmt: skip
    assert [secret[0][1] for secret in secrets] == [
        {"name": "token", "plaintext": "s3cret-from-env"}, {"name": "other", "plaintext": "s3cret-printed"},
    ]  # fmt: skip


async def test_a_dockerfile_alone_is_enough(kit: Kit, server: SessionServer) -> None:
    kit.write("Dockerfile", "FROM scratch\n")
    kit.write("coop.yaml", "name: hello\n")
    async with kit.builder() as builder:
        await builder.build(kit.request())
    [made] = server.calls("Container.sync")
    assert words(made) == ["host", "directory", "dockerBuild", "sync"]
    assert arguments(made, "dockerBuild") == [{}]


async def test_dockerignore_holds_before_the_upload_and_never_for_the_dockerfile(
    kit: Kit, server: SessionServer
) -> None:
    kit.write("Dockerfile", "FROM scratch\n")
    kit.write(".dockerignore", "# all but the program\n*\n!hello.py\n\n/build/\n")
    async with kit.builder() as builder:
        await builder.build(kit.request())
    [upload] = server.calls("Directory.sync")
    assert arguments(upload, "directory")[0]["exclude"] == [
        "*", "!hello.py", "build", "!Dockerfile", "!.dockerignore",
    ]  # fmt: skip


async def test_a_dockerfiles_own_dockerignore_wins(kit: Kit, server: SessionServer) -> None:
    kit.write("Dockerfile", "FROM scratch\n")
    kit.write(".dockerignore", "wrong\n")
    kit.write("Dockerfile.dockerignore", "right\n")
    async with kit.builder() as builder:
        await builder.build(kit.request())
    [upload] = server.calls("Directory.sync")
    assert arguments(upload, "directory")[0]["exclude"][0] == "right"


async def test_a_node_program_is_installed_built_and_pruned(kit: Kit, server: SessionServer) -> None:
    kit.write("coop.yaml", "name: hello\nbuild: {platform: linux/arm64}\n")
    kit.write("package.json", '{"scripts": {"start": "node .", "build": "tsc"}}')
    kit.write("package-lock.json", "{}")
    async with kit.builder(images={"node": "mirror.example.org/node:22"}) as builder:
        await builder.build(kit.request())
    [made] = server.calls("Container.sync")
    assert arguments(made, "container") == [{"platform": "linux/arm64"}]
    assert arguments(made, "from") == [{"address": "mirror.example.org/node:22"}]
    assert [call["args"][:3] for call in arguments(made, "withExec")] == [
        ["npm", "ci", "--no-audit"], ["npm", "run", "build"], ["npm", "prune", "--omit=dev"],
    ]  # fmt: skip
    assert arguments(made, "withDefaultArgs") == [{"args": ["npm", "start"]}]


async def test_static_files_are_served_as_they_are(kit: Kit, server: SessionServer) -> None:
    (kit.work / "hello.py").unlink()
    kit.write("coop.yaml", "name: hello\n")
    kit.write("public/index.html", "<p>hello")
    async with kit.builder() as builder:
        await builder.build(kit.request())
    [made] = server.calls("Container.sync")
    [start] = arguments(made, "withDefaultArgs")
    assert start["args"] == ["/bin/sh", "-c", 'exec httpd -f -p "$PORT" -h /app/public/']


async def test_the_reference_is_what_the_cluster_calls_the_registry(kit: Kit, server: SessionServer) -> None:
    async with kit.builder("host.docker.internal:5000", "localhost:5000") as builder:
        image = await builder.build(kit.request())
    [published] = server.calls("Container.publish")
    assert published[-1].args["address"].startswith("host.docker.internal:5000/hello:coop-")
    assert image.reference.startswith("localhost:5000/hello@sha256:")
    assert len(image.reference.partition("@sha256:")[2]) == 64


@pytest.mark.parametrize(
    ("files", "spec", "why", "remedy"),
    [
        ({}, "name: hello\n", "nothing says how it starts", "run: python -m hello, or add a Dockerfile"),
        ({"main.go": ""}, "name: hello\nrun: x\n", None, ""),
        ({}, "name: hello\nrun: x\nbuild: {target: a}\n", "there is no Dockerfile for it", "add a Dockerfile"),
        ({}, "name: hello\nbuild: {dockerfile: D}\n", "there is no D in", "correct build.dockerfile"),
        (
            {"package.json": "{}", "yarn.lock": ""},
            "name: hello\nrun: x\n",
            "locked by yarn.lock",
            "add a Dockerfile",
        ),
        ({"package.json": "["}, "name: hello\nrun: x\n", "no JSON object", "correct package.json"),
    ],
)
async def test_what_cannot_be_built_is_told_before_anything_is_sent(
    kit: Kit, server: SessionServer, files: dict[str, str], spec: str, why: str | None, remedy: str
) -> None:
    if why is None:
        (kit.work / "hello.py").unlink()
        why, remedy = "coop does not know its language", "add a Dockerfile"
    elif "package.json" in files:
        (kit.work / "hello.py").unlink()
    for path, text in files.items():
        kit.write(path, text)
    kit.write("coop.yaml", spec)
    async with kit.builder() as builder:
        with pytest.raises(CoopError) as caught:
            await builder.build(kit.request())
    assert why in caught.value.why
    assert remedy in caught.value.remedy
    assert server.reached in ([], [("Query.version", server.reached[0][1])] if server.reached else [])


async def test_a_service_in_a_folder_is_built_from_that_folder_alone(kit: Kit, server: SessionServer) -> None:
    kit.write("one/app.py", "x\n")
    kit.write("two/app.py", "y\n")
    async with kit.builder() as builder:
        await builder.build(kit.request(prefix="one"))
        with pytest.raises(CoopError, match="no folder 'three'"):
            await builder.build(kit.request(prefix="three"))
    assert server.uploads == [{"app.py": "x\n"}]
