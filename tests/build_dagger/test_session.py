"""The session that coop starts, owns and ends: a real process that looks like the Dagger CLI."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import psutil
import pytest

from coop_core.build.dagger import opening, supervising
from coop_core.build.dagger.opening import Opener
from coop_core.build.request import Waiting
from coop_core.errors import CoopError
from tests.build_dagger.session_server import VERSION, exec_fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.build_dagger.kit import Kit

LIMIT_S = 30.0


async def until(true: Callable[[], object], what: str) -> None:
    try:
        async with asyncio.timeout(LIMIT_S):
            while not true():
                await asyncio.sleep(0.02)
    except TimeoutError:
        pytest.fail(f"still not: {what}")


async def test_one_process_serves_all_builds_and_ends_with_the_builder(kit: Kit) -> None:
    kit.install_cli()
    async with kit.builder() as builder:
        await builder.build(kit.request())
        kit.write("hello.py", "print('two')\n")
        await builder.build(kit.request())
        [pid] = kit.journal("start")
        assert psutil.pid_exists(pid)
        assert os.getpgid(pid) == pid  # Ctrl-C in the terminal does not reach it
    assert kit.journal("end") == [pid]
    assert not psutil.pid_exists(pid)
    assert kit.journal("reached").count("Container.publish") == 2


async def test_it_is_told_where_traces_go_and_no_password(kit: Kit) -> None:
    kit.install_cli()
    kit.environ |= {
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=secret", "COOP_REGISTRY_USERNAME": "ada",
        "COOP_REGISTRY_PASSWORD": "pa55word", "DAGGER_CLOUD_TOKEN": "kept", "XDG_STATE_HOME": "/var/state",
    }  # fmt: skip
    async with kit.builder(engine="tcp://engine.example.org:1234") as builder:
        await builder.build(kit.request())
    [told] = kit.journal("told")
    assert told.pop("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").startswith("http://127.0.0.1:")
    assert told == {
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf", "DAGGER_SILENT": "1", "DAGGER_NO_NAG": "1",
        "OTEL_EXPORTER_OTLP_TRACES_LIVE": "1", "DAGGER_LEAVE_OLD_ENGINE": "1",
        "_EXPERIMENTAL_DAGGER_RUNNER_HOST": "tcp://engine.example.org:1234", "DAGGER_CLOUD_TOKEN": "kept",
        "XDG_STATE_HOME": "/var/state",  # there it finds who it is, and so what an engine has of its files already
    }  # fmt: skip
    assert kit.journal("arguments")[0][0] == "session"


async def test_old_engines_go_where_the_user_wants_them_to(kit: Kit) -> None:
    kit.install_cli()
    kit.environ["DAGGER_LEAVE_OLD_ENGINE"] = "0"
    async with kit.builder() as builder:
        await builder.build(kit.request())
    assert kit.journal("told")[0]["DAGGER_LEAVE_OLD_ENGINE"] == "0"


async def test_it_is_prepared_before_the_first_build(kit: Kit) -> None:
    kit.install_cli()
    async with kit.builder() as builder:
        builder.prepare()
        await until(lambda: kit.journal("start"), "the session starts without a build")
        await builder.build(kit.request())
    assert len(kit.journal("start")) == 1


@pytest.mark.parametrize("where", ["Directory.sync", "Container.sync"])
async def test_one_that_dies_before_the_push_is_replaced_once(kit: Kit, where: str) -> None:
    kit.install_cli({"dies_on": where})
    async with kit.builder() as builder:
        image = await builder.build(kit.request())
    assert image.reference.startswith("registry.example.org/team/hello@sha256:")
    assert len(kit.journal("start")) == 2
    assert kit.journal("reached").count("Container.publish") == 1


@pytest.mark.parametrize("how", ["502", "drop", "garbage"])
async def test_one_that_answers_nonsense_is_replaced_once(kit: Kit, how: str) -> None:
    kit.install_cli({"faults": [{"on": "Container.sync", "do": how}]})
    async with kit.builder() as builder:
        await builder.build(kit.request())
    first, second = kit.journal("start")
    assert kit.journal("end") == [first, second]
    assert kit.journal("reached").count("Container.publish") == 1


async def test_an_old_session_ends_only_after_the_builds_that_are_at_it(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervising, "RENEW_AFTER_BUILDS", 2)
    kit.write("one/app.py", "x\n")
    kit.write("two/app.py", "y\n")
    kit.install_cli({"faults": [{"on": "Container.sync", "do": "hang"}]})
    async with kit.builder() as builder:
        hanging = asyncio.create_task(builder.build(kit.request(prefix="one")))
        await until(lambda: "Container.sync" in kit.journal("reached"), "the first build hangs")
        await builder.build(kit.request(prefix="two"))
        await until(lambda: len(kit.journal("start")) == 2, "the next session is started ahead")
        kit.write("two/app.py", "z\n")
        await builder.build(kit.request(prefix="two"))
        assert not hanging.done()
        assert kit.journal("end") == []
        hanging.cancel()
        await asyncio.wait([hanging])
        await until(lambda: kit.journal("end") == kit.journal("start")[:1], "the old session is ended")


async def test_one_that_dies_again_is_reported(kit: Kit) -> None:
    kit.install_cli({"dies_on": "Container.sync"}, {"dies_on": "Container.sync"})
    async with kit.builder() as builder:
        with pytest.raises(CoopError) as caught:
            await builder.build(kit.request())
        assert "the Dagger session was lost twice" in caught.value.why
        assert "docker ps" in caught.value.remedy
        assert len(kit.journal("start")) == 2
        await builder.build(kit.request())  # the next save starts afresh
    assert len(kit.journal("start")) == 3


async def test_one_that_dies_while_it_pushes_is_replaced_for_the_next_build_alone(kit: Kit) -> None:
    kit.install_cli({"dies_on": "Container.publish"})
    async with kit.builder() as builder:
        with pytest.raises(CoopError, match="while the image was on its way"):
            await builder.build(kit.request())
        assert kit.journal("reached").count("Container.publish") == 1
        await builder.build(kit.request())
    assert len(kit.journal("start")) == 2


async def test_one_that_died_between_builds_is_replaced(kit: Kit) -> None:
    kit.install_cli()
    async with kit.builder() as builder:
        await builder.build(kit.request())
        [pid] = kit.journal("start")
        os.kill(pid, signal.SIGKILL)
        await until(lambda: not psutil.pid_exists(pid), "the process is gone")
        kit.write("hello.py", "print('two')\n")
        await builder.build(kit.request())
    assert len(kit.journal("start")) == 2
    assert kit.journal("reached").count("Container.publish") == 2


async def test_a_failed_build_keeps_the_session(kit: Kit) -> None:
    fault = exec_fault("Container.sync", ["false"], 1)
    kit.install_cli({"faults": [fault.__dict__]})
    async with kit.builder() as builder:
        with pytest.raises(CoopError, match="`false` ended with 1"):
            await builder.build(kit.request())
        await builder.build(kit.request())
    assert len(kit.journal("start")) == 1


async def test_it_is_renewed_after_many_builds_without_a_pause(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervising, "RENEW_AFTER_BUILDS", 2)
    kit.install_cli({}, {"waits_for": str(kit.folder / "go")})
    async with kit.builder() as builder:
        for number in range(2):
            kit.write("hello.py", f"print({number})\n")
            await builder.build(kit.request())
        await until(lambda: len(kit.journal("start")) == 2, "the next session starts ahead")
        first, second = kit.journal("start")
        assert psutil.pid_exists(first)  # what it made stays in the engine until the next one holds it
        assert kit.journal("end") == []
        (kit.folder / "go").touch()
        kit.write("hello.py", "print(3)\n")
        await builder.build(kit.request())
        await until(lambda: kit.journal("end") == [first], "the old session is ended")
        assert psutil.pid_exists(second)


async def test_it_is_ended_when_nobody_builds_and_started_for_who_does(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervising, "IDLE_S", 0.2)
    kit.install_cli()
    async with kit.builder() as builder:
        await builder.build(kit.request())
        await until(lambda: kit.journal("end"), "the idle session is ended")
        kit.write("hello.py", "print('two')\n")
        await builder.build(kit.request())
    assert len(kit.journal("start")) == 2


async def test_one_that_will_not_end_is_made_to(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coop_core.build.dagger.session._CLOSE_LIMIT_S", 0.2)
    monkeypatch.setattr("coop_core.build.dagger.session._KILL_LIMIT_S", 0.2)
    kit.install_cli({"stays": True})
    async with kit.builder() as builder:
        await builder.build(kit.request())
        [pid] = kit.journal("start")
    assert not psutil.pid_exists(pid)


async def test_closing_while_it_starts_leaves_no_process(kit: Kit) -> None:
    kit.install_cli({"stays": True})
    async with kit.builder() as builder:
        builder.prepare()
        await until(lambda: kit.journal("start"), "the session starts")
    [pid] = kit.journal("start")
    await until(lambda: not psutil.pid_exists(pid), "the process is gone")


async def test_a_build_that_is_given_up_while_the_session_starts_does_not_take_it_along(kit: Kit) -> None:
    kit.install_cli({"waits_for": str(kit.folder / "go")})
    async with kit.builder() as builder:
        old = asyncio.create_task(builder.build(kit.request()))
        await until(lambda: kit.journal("start"), "the session starts")
        old.cancel()
        with pytest.raises(asyncio.CancelledError):
            await old
        (kit.folder / "go").touch()
        await builder.build(kit.request())
    assert len(kit.journal("start")) == 1


async def test_one_that_is_renewed_when_all_ends_leaves_none_behind(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervising, "RENEW_AFTER_BUILDS", 1)
    kit.install_cli({}, {"waits_for": str(kit.folder / "never")})
    async with kit.builder() as builder:
        await builder.build(kit.request())
        await until(lambda: len(kit.journal("start")) == 2, "the next session starts ahead")
    assert not [pid for pid in kit.journal("start") if psutil.pid_exists(pid)]


async def test_one_that_is_still_starting_is_ended_without_waiting_for_it(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coop_core.build.dagger.session._CLOSE_LIMIT_S", 3600.0)
    kit.install_cli({"waits_for": str(kit.folder / "never")})
    async with asyncio.timeout(LIMIT_S), kit.builder() as builder:
        builder.prepare()
        await until(lambda: kit.journal("start"), "the session starts")
    [pid] = kit.journal("start")
    assert not psutil.pid_exists(pid)


async def test_a_start_that_takes_long_is_told_to_the_build_that_waits(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervising, "PATIENCE_S", 0.05)
    kit.install_cli({"waits_for": str(kit.folder / "go")})
    async with kit.builder() as builder:
        building = asyncio.create_task(builder.build(kit.request()))
        await until(lambda: kit.progress, "the build says what it waits for")
        (kit.folder / "go").touch()
        await building
    assert kit.progress[0] == Waiting("waiting for Dagger's engine; the first time, it is downloaded")
    assert kit.progress.count(kit.progress[0]) == 1


async def test_an_engine_elsewhere_that_is_not_reached_is_given_up_soon(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coop_core.build.dagger.session.REACH_LIMIT_S", 0.5)
    kit.install_cli({"waits_for": str(kit.folder / "never")})
    async with asyncio.timeout(LIMIT_S), kit.builder(engine="tcp://engine.example.org:1234") as builder:
        with pytest.raises(CoopError, match=r"its engine did not answer within 0\.5 s") as caught:
            await builder.build(kit.request())
        assert "name an engine in the settings" in caught.value.remedy
        [pid] = kit.journal("start")
        assert not psutil.pid_exists(pid)


@pytest.mark.parametrize(
    ("engine", "is_elsewhere"),
    [
        ("", False), ("image://registry.dagger.io/engine:v0.21.8", False), ("image+podman://x", False),
        ("docker-image://x", False), ("tcp://engine:1234", True), ("kube-pod://engine?namespace=dagger", True),
        ("unix:///run/engine.sock", True), ("container+podman://engine", True),
    ],
)  # fmt: skip
def test_an_engine_is_elsewhere_when_nobody_here_starts_it(engine: str, is_elsewhere: bool) -> None:
    assert Opener(None, engine, {}).is_elsewhere is is_elsewhere
    assert Opener(None, None, {"_EXPERIMENTAL_DAGGER_RUNNER_HOST": engine}).is_elsewhere is is_elsewhere


async def test_the_connection_to_an_engine_elsewhere_is_used_now_and_then(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "KEEPALIVE_S", 0.05)
    kit.install_cli()
    async with kit.builder(engine="kube-pod://engine?namespace=dagger") as builder:
        await builder.build(kit.request())
        asked = kit.journal("reached").count("Query.version")
        await until(lambda: kit.journal("reached").count("Query.version") >= asked + 2, "it is asked again")
    assert len(kit.journal("start")) == 1


async def test_a_connection_that_was_lost_while_nobody_built_is_made_anew_before_the_next_build(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit.install_cli({"faults": [{"on": "Container.sync", "do": "error"}, {"on": "Query.version", "do": "drop"}]})
    async with kit.builder(engine="kube-pod://engine?namespace=dagger") as builder:
        with pytest.raises(CoopError, match="it failed"):
            await builder.build(kit.request())
        [opened] = builder._sessions._open
        monkeypatch.setattr(opening, "KEEPALIVE_S", 0.0)
        await opened.keep_alive()
        await builder.build(kit.request())
    first, second = kit.journal("start")
    assert first != second
    assert kit.journal("reached").count("Container.publish") == 1


async def test_one_that_answers_no_question_is_given_up(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    kit.install_cli({"faults": [{"on": "Query.version", "do": "hang"}]})
    async with kit.builder() as builder:
        with monkeypatch.context() as patch, pytest.raises(CoopError, match="did not answer within 1 s") as caught:
            patch.setattr("coop_core.build.dagger.engine._ANSWER_LIMIT_S", 1.0)
            await builder.build(kit.request())
        assert "docker ps" in caught.value.remedy
        await builder.build(kit.request())
    assert len(kit.journal("start")) == 2


async def test_a_start_that_fails_says_what_the_cli_said_and_the_next_build_tries_again(kit: Kit) -> None:
    kit.install_cli({"say": "failed to start engine: docker is not running\x1b[2J", "end": 1})
    async with kit.builder() as builder:
        builder.prepare()
        with pytest.raises(CoopError) as caught:
            await builder.build(kit.request())
        assert caught.value.what == "cannot start Dagger"
        assert caught.value.why == "failed to start engine: docker is not running"
        assert "start Docker or Podman" in caught.value.remedy
        await builder.build(kit.request())
    assert len(kit.journal("start")) == 2


async def test_without_a_cli_the_remedy_is_a_command(kit: Kit) -> None:
    async with kit.builder() as builder:
        with pytest.raises(CoopError) as caught:
            await builder.build(kit.request())
    assert "neither in the settings, nor on PATH" in caught.value.why
    assert caught.value.remedy.startswith("curl -fsSL https://dl.dagger.io/dagger/install.sh | BIN_DIR=")


async def test_the_cli_of_the_settings_goes_before_the_one_on_path(kit: Kit) -> None:
    kit.install_cli()
    (kit.folder / "bin" / "dagger").rename(kit.folder / "my-dagger")
    async with kit.builder(cli=str(kit.folder / "my-dagger")) as builder:
        await builder.build(kit.request())
    assert len(kit.journal("start")) == 1
    async with kit.builder(cli=str(kit.folder / "nothing")) as builder:
        with pytest.raises(CoopError, match="which is no program"):
            await builder.build(kit.request())


async def test_the_newest_cli_in_daggers_cache_is_found(kit: Kit) -> None:
    kit.install_cli()
    cache = kit.folder / "home" / ".cache" / "dagger"
    cache.mkdir(parents=True)
    (kit.folder / "bin" / "dagger").rename(cache / "dagger-0.21.11")
    for other in ("dagger-0.21.9", "dagger-0.21.9.tmp"):
        (cache / other).write_text("#!/bin/sh\nexit 1\n")
        (cache / other).chmod(0o755)
    async with kit.builder() as builder:
        await builder.build(kit.request())
    assert len(kit.journal("start")) == 1
    # Others' CLIs stay: Dagger's own downloader would have removed them.
    assert {path.name for path in cache.iterdir()} == {"dagger-0.21.11", "dagger-0.21.9", "dagger-0.21.9.tmp"}


async def test_a_session_that_says_nonsense_is_no_session(kit: Kit) -> None:
    (kit.folder / "bin").mkdir()
    (kit.folder / "bin" / "dagger").write_text('#!/bin/sh\necho \'{"port": "x", "session_token": "hush"}\'\n')
    (kit.folder / "bin" / "dagger").chmod(0o755)
    async with kit.builder() as builder:
        with pytest.raises(CoopError, match="cannot start Dagger") as caught:
            await builder.build(kit.request())
    assert "hush" not in caught.value.why


async def test_a_session_of_somebody_else_needs_its_password(kit: Kit) -> None:
    kit.environ["DAGGER_SESSION_PORT"] = "1234"
    async with kit.builder() as builder:
        with pytest.raises(CoopError, match="DAGGER_SESSION_TOKEN is missing") as caught:
            await builder.build(kit.request())
    assert "unset DAGGER_SESSION_PORT" in caught.value.remedy


async def test_steps_reach_the_build_with_their_names_times_and_cache_hits(kit: Kit) -> None:
    kit.install_cli()
    kit.write("requirements.txt", "flask\n")
    async with kit.builder() as builder:
        await builder.build(kit.request())
        await until(lambda: len(kit.steps) >= 3, f"three steps, not {kit.steps}")
    base, install, publish = kit.steps
    assert base.name == "base image docker.io/library/python:3.13.7-slim-bookworm"
    assert base.was_cached
    assert install.name.startswith("run python -m pip install")
    assert (install.was_cached, install.took_ms, install.has_failed) == (False, 20.0, False)
    assert publish.name.startswith("publish registry.example.org/team/hello:coop-")


def test_the_sessions_version_is_one_that_builds_take() -> None:
    from coop_core.build.dagger.cli import OLDEST

    assert tuple(map(int, VERSION.removeprefix("v").split("."))) >= OLDEST
