"""What a developer reads when a build, a registry or the connection fails."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from coop_core.build.request import BuildFailed
from coop_core.errors import CoopError
from tests.build_dagger.session_server import Fault, exec_fault

if TYPE_CHECKING:
    from tests.build_dagger.kit import Kit
    from tests.build_dagger.session_server import SessionServer

DOCKERFILE = """\
# syntax=docker/dockerfile:1
FROM python:3.13-slim AS base
WORKDIR /app

RUN --mount=type=secret,id=token \\
    # why
    pip install \\
      -r requirements.txt
RUN echo done
"""


async def failure(kit: Kit) -> CoopError:
    async with kit.builder() as builder:
        with pytest.raises(CoopError) as caught:
            await builder.build(kit.request())
    return caught.value


async def test_a_failing_step_shows_command_exit_code_last_lines_and_its_line(
    kit: Kit, server: SessionServer
) -> None:
    kit.write("Dockerfile", DOCKERFILE)
    command = ["/bin/sh", "-c", "pip install       -r requirements.txt"]
    output = "".join(f"line {number}\n" for number in range(40))
    server.faults = [
        exec_fault("Container.sync", command, 1, stdout=output, stderr="\x1b[31mERROR: no flask\x1b[0m")
    ]
    error = await failure(kit)
    assert isinstance(error, BuildFailed)
    assert error.what == "cannot build hello"
    assert error.why == "Dockerfile:5: `pip install       -r requirements.txt` ended with 1"
    assert error.lines[-2:] == ("line 39", "ERROR: no flask")
    assert len(error.lines) == 15
    assert error.remedy == "correct it and save"


async def test_a_failing_step_without_a_dockerfile_is_shown_as_it_was_run(kit: Kit, server: SessionServer) -> None:
    server.faults = [
        exec_fault("Container.sync", ["python", "-m", "pip", "install"], 2, stderr="no such package\n")
    ]
    error = await failure(kit)
    assert error.why == "`python -m pip install` ended with 2"
    assert isinstance(error, BuildFailed)
    assert error.lines == ("no such package",)


@pytest.mark.parametrize(
    ("dockerfile", "told", "why", "remedy"),
    [
        (
            "FROM scratch\n\nADD --checksum=sha256:ab \\\n  https://example.org/x /x\n",
            'llbtodagger: unsupported op "source(http)" (sha256:ab12): http checksum enforcement is unsupported',
            "Dockerfile:3: Dagger does not do this: http checksum enforcement is unsupported",
            "sha256sum --check",
        ),
        (
            "FROM scratch\nADD --chown=1:1 https://example.org/x /x\n", "http uid/gid override is unsupported",
            "Dockerfile:2: Dagger does not do this: http uid/gid override is unsupported", "chown it in a RUN",
        ),
        (
            "FROM a\nRUN make\nRUN --network=none --mount=type=ssh git clone git@x\n",
            'ssh mount "default" is required but no ssh socket mappings were provided',
            "Dockerfile:3: Dagger does not do this: ssh mount", "build.secrets in coop.yaml",
        ),
        (
            "FROM a\nCOPY <<EOF /x\n\xff\nEOF\n", "mkfile binary data is unsupported",
            "Dockerfile:2: Dagger does not do this: mkfile", "a file of its own",
        ),
        ("FROM a\n", "ulimit is unsupported", "Dockerfile: Dagger does not do this: ulimit", "docs/dagger.md"),
    ],
)  # fmt: skip
async def test_a_construct_that_dagger_does_not_know_is_shown_with_another_way(
    kit: Kit, server: SessionServer, dockerfile: str, told: str, why: str, remedy: str
) -> None:
    kit.write("Dockerfile", dockerfile)
    server.faults = [Fault("Container.sync", "error", f"failed to convert Dockerfile LLB to Dagger ID: {told}")]
    error = await failure(kit)
    assert error.why.startswith(why)
    assert remedy in error.remedy


async def test_a_frontend_of_somebody_else_is_shown_with_its_line(kit: Kit, server: SessionServer) -> None:
    kit.write("Dockerfile", "# syntax = devthefuture/dockerfile-x\nFROM scratch\n")
    told = 'dockerBuild syntax frontend "devthefuture/dockerfile-x" is unsupported in hard-cutover path'
    server.faults = [Fault("Container.sync", "error", told)]
    error = await failure(kit)
    assert error.why.startswith("Dockerfile:1: Dagger does not do this: dockerBuild syntax frontend")
    assert error.remedy.startswith("remove its #syntax line")


@pytest.mark.parametrize(("told", "remedy"), [
    ('target stage "runtim" could not be found', "correct build.target in coop.yaml"),
    ("pull access denied, repository does not exist", "name a mirror in the FROM of Dockerfile"),
    ("no match for platform in manifest: not found", "build: {platform: linux/amd64}"),
    ("429 Too Many Requests - toomanyrequests: You have reached your limit", "docker login, which allows more"),
    ("dial tcp: lookup registry-1.docker.io: no such host", "check the network where Dagger's engine runs"),
    ("write /var/lib/dagger/x: no space left on device", "dagger core engine local-cache prune"),
])  # fmt: skip
async def test_what_is_no_fault_of_the_dockerfiles_words_is_told_with_what_helps(
    kit: Kit, server: SessionServer, told: str, remedy: str
) -> None:
    kit.write("Dockerfile", "FROM python:3.13\n")
    server.faults = [Fault("Container.sync", "error", f"failed to convert Dockerfile to LLB: {told}")]
    error = await failure(kit)
    assert error.why == f"Dockerfile: {told}"
    assert remedy in error.remedy


async def test_a_base_image_that_is_not_there_is_replaced_in_the_settings(kit: Kit, server: SessionServer) -> None:
    server.faults = [Fault("Container.sync", "error", 'failed to resolve image "python:3": manifest unknown')]
    error = await failure(kit)
    assert error.why == 'failed to resolve image "python:3": manifest unknown'
    assert '[dagger] images = {python = "mirror.example.org/python:3.13-slim"}' in error.remedy


@pytest.mark.parametrize("where", ["Directory.sync", "Container.sync", "Container.publish"])
async def test_a_disk_that_is_full_where_the_engine_runs_is_passed_on(
    kit: Kit, server: SessionServer, where: str
) -> None:
    server.faults = [Fault(where, "error", "write /var/lib/dagger/worker/x: no space left on device")]
    error = await failure(kit)
    assert "write /var/lib/dagger/worker/x: no space left on device" in error.why
    assert "dagger core engine local-cache prune" in error.remedy


async def test_a_step_that_fills_the_disk_is_told_to_be_that(kit: Kit, server: SessionServer) -> None:
    server.faults = [
        exec_fault("Container.sync", ["python", "-m", "pip"], 1, stderr="OSError: No space left on device\n")
    ]
    error = await failure(kit)
    assert isinstance(error, BuildFailed)
    assert error.lines == ("OSError: No space left on device",)
    assert error.remedy.startswith("free disk space where Dagger's engine runs")


async def test_a_dockerfile_with_a_mistake_is_named_with_its_line(kit: Kit, server: SessionServer) -> None:
    kit.write("Dockerfile", "FRM scratch\n")
    told = f"dockerfile parse error on line 1: unknown instruction: FRM [traceparent:00-{'a' * 32}-{'b' * 16}-01]"
    server.faults = [Fault("Container.sync", "error", f"failed to convert Dockerfile to LLB: {told}")]
    error = await failure(kit)
    assert error.why == "Dockerfile:1: unknown instruction: FRM"
    assert error.remedy == "correct Dockerfile"


async def test_a_secret_that_the_dockerfile_wants_and_nobody_gave_is_asked_for(
    kit: Kit, server: SessionServer
) -> None:
    kit.write("Dockerfile", DOCKERFILE)
    told = 'failed to convert Dockerfile LLB to Dagger ID: secret "token" is required but was not provided'
    server.faults = [Fault("Container.sync", "error", told)]
    assert "build: {secrets: {token: {env: TOKEN}}}" in (await failure(kit)).remedy


@pytest.mark.parametrize(
    ("answer", "remedy"),
    [
        ("unexpected status from HEAD request: 401 Unauthorized", "docker login registry.example.org"),
        ("denied: requested access to the resource is denied", "COOP_REGISTRY_USERNAME"),
        (
            "http: server gave HTTP response to HTTPS client",
            '"registries": {"registry.example.org": {"http": true}}',
        ),
        ("x509: certificate signed by unknown authority", '"registry.example.org", "ca"'),
        ("dial tcp 127.0.0.1:5000: connect: connection refused", "localhost is the engine itself"),
        ("no space left on device", "dagger core engine local-cache prune"),
        (f"manifest sha256:{'401' * 21}f is odd", "check [registry] in the settings"),
    ],
)
async def test_a_registry_that_refuses_is_told_with_what_helps(
    kit: Kit, server: SessionServer, answer: str, remedy: str
) -> None:
    server.faults = [Fault("Container.publish", "error", f"failed to push: {answer}")]
    error = await failure(kit)
    assert error.what == "cannot publish hello to registry.example.org"
    assert answer in error.why
    assert remedy in error.remedy


async def test_secrets_are_in_no_error_and_in_no_line(kit: Kit, server: SessionServer) -> None:
    kit.environ |= {
        "NPM_TOKEN": "s3cret-value",
        "COOP_REGISTRY_USERNAME": "ada",
        "COOP_REGISTRY_PASSWORD": "pa55word",
    }
    kit.write("Dockerfile", "FROM scratch\nRUN echo s3cret-value\n")
    kit.write("coop.yaml", "name: hello\nbuild: {secrets: {token: {env: NPM_TOKEN}}}\n")
    server.faults = [
        exec_fault(
            "Container.sync", ["/bin/sh", "-c", "echo s3cret-value"], 1, stdout="is s3cret-value", stderr="x"
        ),
        Fault("Container.publish", "error", "denied for ada:pa55word"),
    ]
    for _ in range(2):
        error = await failure(kit)
        told = " ".join([error.what, error.why, error.remedy, *getattr(error, "lines", ())])
        assert "•••" in told
        assert "s3cret-value" not in told
        assert "pa55word" not in told
    [published] = server.calls("Container.publish")
    assert "pa55word" not in published[-1].args["address"]


async def test_an_answer_without_a_digest_is_no_image(kit: Kit, server: SessionServer) -> None:
    async with kit.builder() as builder:
        where = builder._configuration.registry
        with pytest.raises(CoopError, match="names no digest") as caught:
            where.reference("hello", "registry.example.org/team/hello:latest")
    assert "OCI" in caught.value.remedy


@pytest.mark.parametrize("how", ["drop", "502", "garbage"])
async def test_a_session_of_somebody_else_that_is_lost_is_reported(
    kit: Kit, server: SessionServer, how: str
) -> None:
    server.faults = [Fault("Container.sync", how)]
    error = await failure(kit)
    assert error.why.startswith("the Dagger session was lost: ")
    assert server.calls("Container.publish") == []


async def test_files_that_do_not_reach_the_engine_are_no_fault_of_the_dockerfile(
    kit: Kit, server: SessionServer
) -> None:
    kit.write("Dockerfile", "FROM scratch\n")
    server.faults = [Fault("Directory.sync", "error", "hello.py changed while it was read")]
    error = await failure(kit)
    assert error.why == "its files did not reach Dagger: hello.py changed while it was read"
    assert error.remedy == "save again to try it once more"


def conflict() -> Fault:
    said = 'conflict at "hello.py": mod time changed from "1790000000" to "1790000001" during sync'
    return Fault("Directory.sync", "error", said)


async def test_files_on_the_move_are_read_again_and_are_no_failure(kit: Kit, server: SessionServer) -> None:
    server.faults = [conflict(), conflict()]
    async with kit.builder() as builder:
        await builder.build(kit.request())
    assert len(server.calls("Directory.sync")) == 3
    assert len(server.calls("Container.publish")) == 1


async def test_files_that_never_come_to_rest_are_told(kit: Kit, server: SessionServer) -> None:
    server.faults = [conflict() for _ in range(9)]
    assert 'conflict at "hello.py"' in (await failure(kit)).why
    assert len(server.calls("Directory.sync")) == 4


@pytest.mark.parametrize("how", ["drop", "502"])
async def test_a_push_whose_answer_is_lost_is_never_sent_again(kit: Kit, server: SessionServer, how: str) -> None:
    server.faults = [Fault("Container.publish", how)]
    error = await failure(kit)
    assert error.what == "cannot publish hello"
    assert "while the image was on its way" in error.why
    assert error.remedy == "save again to build and publish anew"
    assert len(server.calls("Container.publish")) == 1


@pytest.mark.parametrize("where", ["Directory.sync", "Container.sync", "Container.publish"])
async def test_a_superseded_build_ends_at_once_and_the_session_goes_on(
    kit: Kit, server: SessionServer, where: str
) -> None:
    server.faults = [Fault(where, "hang")]
    reached = asyncio.Event()
    server.on_reached = lambda name: reached.set() if name == where else None
    async with kit.builder() as builder:
        old = asyncio.create_task(builder.build(kit.request()))
        await reached.wait()
        old.cancel()
        with pytest.raises(asyncio.CancelledError):
            await old
        kit.write("hello.py", "print('newer')\n")
        image = await builder.build(kit.request())
    assert server.given_up == 1
    assert server.uploads[-1] == {"hello.py": "print('newer')\n"}
    assert image.reference.partition("@")[2]


async def test_a_service_whose_build_hangs_holds_up_no_other(kit: Kit, server: SessionServer) -> None:
    kit.write("one/app.py", "x\n")
    kit.write("two/app.py", "y\n")
    server.faults = [Fault("Container.sync", "hang")]
    reached = asyncio.Event()
    server.on_reached = lambda name: reached.set() if name == "Container.sync" else None
    async with kit.builder() as builder:
        hanging = asyncio.create_task(builder.build(kit.request(prefix="one")))
        await reached.wait()
        await builder.build(kit.request(prefix="two"))
        assert not hanging.done()
        hanging.cancel()
        await asyncio.wait([hanging])
    assert server.uploads == [{"app.py": "x\n"}, {"app.py": "y\n"}]


async def test_nothing_that_answers_is_told_with_what_helps(kit: Kit, server: SessionServer) -> None:
    await server.close()
    error = await failure(kit)
    assert error.what == "cannot reach Dagger's engine"
    assert "docker ps" in error.remedy


async def test_an_engine_that_is_too_old_is_refused(kit: Kit, server: SessionServer) -> None:
    server.version = "v0.20.6"
    error = await failure(kit)
    assert error.why == "it is v0.20.6; coop needs 0.21.8 or newer"
    assert "install.sh" in error.remedy
