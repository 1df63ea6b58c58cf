"""Asking for refs over HTTP, against git's own server, and against servers that misbehave."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from coop_core.errors import CoopError
from coop_core.git import protocol
from coop_core.git.mirror import Mirror
from coop_core.git.references import References
from coop_core.git.smart_http import NotSpoken, RetryLater, SmartHttp
from tests.git.git_scene import Scene, git
from tests.git.http_remote import Faults, GitHost, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

PREFIX = "refs/heads/env/"


@pytest.fixture
def host(scene: Scene) -> Iterator[GitHost]:
    head = git(scene.bare, "rev-parse", "refs/heads/main")
    for ref in ("env/main", "env/dev-ada", "environment", "feature/x"):
        git(scene.bare, "update-ref", f"refs/heads/{ref}", head)
    git(scene.bare, "config", "http.receivepack", "true")
    with serving(GitHost(scene.bare.parent)) as started:
        yield started


@pytest.fixture
async def asking() -> AsyncIterator[SmartHttp]:
    client = SmartHttp()
    yield client
    await client.close()


def expected(scene: Scene) -> dict[str, str]:
    head = git(scene.bare, "rev-parse", "refs/heads/main")
    return {f"{PREFIX}main": head, f"{PREFIX}dev-ada": head}


async def test_one_small_post_answers_for_every_environment(host: GitHost, scene: Scene, asking: SmartHttp) -> None:
    url = f"{host.url}/remote.git"
    assert await asking.heads(url, PREFIX) == expected(scene)
    for _ in range(3):
        assert await asking.heads(url, PREFIX) == expected(scene)
    assert (host.seen["remote.git", "info"], host.seen["remote.git", "refs"]) == (1, 4)
    assert asking.requests == 5
    assert all(b"ref-prefix refs/heads/env/\n" in body for body in host.bodies)


async def test_a_push_and_a_deletion_are_seen(host: GitHost, scene: Scene, asking: SmartHttp) -> None:
    url = f"{host.url}/remote.git"
    await asking.heads(url, PREFIX)
    new = scene.commit("new")
    scene.git("push", "--quiet", url, f"{new}:{PREFIX}main", f":{PREFIX}dev-ada")
    assert await asking.heads(url, PREFIX) == {f"{PREFIX}main": new}


async def test_a_login_in_the_url_is_sent_and_shown_nowhere(host: GitHost, scene: Scene, asking: SmartHttp) -> None:
    host.faults["remote.git"] = Faults(login="bot:se%cret")
    url = f"{host.url}/remote.git".replace("http://", "http://bot:se%25cret@")
    assert await asking.heads(url, PREFIX) == expected(scene)
    host.faults["remote.git"] = Faults(status=500, login="bot:se%cret")
    with pytest.raises(CoopError) as caught:
        await asking.heads(url, PREFIX)
    assert "se%" not in f"{caught.value}{caught.value.remedy}"
    assert "bot" not in f"{caught.value}{caught.value.remedy}"


async def test_gits_credential_helper_is_asked_when_the_remote_wants_a_login_and_again_when_it_changed(
    host: GitHost, scene: Scene, asking: SmartHttp, tmp_path: Path
) -> None:
    store = tmp_path / "logins"
    with (tmp_path / "home" / ".gitconfig").open("a") as settings:
        settings.write(f'[credential]\nhelper = "store --file={store}"\n')
    for password in ("first", "second"):
        store.write_text(f"{host.url.replace('http://', f'http://ada:{password}@')}\n")
        host.faults["remote.git"] = Faults(login=f"ada:{password}")
        assert await asking.heads(f"{host.url}/remote.git", PREFIX) == expected(scene)


@pytest.mark.parametrize(
    "settings",
    ["[http]\nextraHeader = X-Key: 1\n", "[http]\nproxy = http://127.0.0.1:9\n", "[http]\ncookieFile = x\n"],
)
async def test_what_only_git_can_do_is_left_to_git(
    host: GitHost, asking: SmartHttp, tmp_path: Path, settings: str
) -> None:
    with (tmp_path / "home" / ".gitconfig").open("a") as file:
        file.write(settings)
    with pytest.raises(NotSpoken):
        await asking.heads(f"{host.url}/remote.git", PREFIX)
    assert host.count("info") == 0


async def test_a_remote_without_version_2_is_left_to_git_and_read_all_the_same(
    host: GitHost, scene: Scene, tmp_path: Path
) -> None:
    host.faults["remote.git"] = Faults(speaks_v2=False)
    references = References(Mirror(tmp_path / "mirror"), PREFIX)
    url = f"{host.url}/remote.git"
    for _ in range(2):
        found = await references.look(url, is_suspect=False)
        assert (found.heads, found.is_at_hand, found.by_git) == (expected(scene), True, True)
    await references.close()


async def test_after_a_change_one_fetch_brings_every_environment(
    host: GitHost, scene: Scene, tmp_path: Path
) -> None:
    mirror = Mirror(tmp_path / "mirror")
    references = References(mirror, PREFIX)
    url = f"{host.url}/remote.git"
    found = await references.look(url, is_suspect=False)
    assert not found.is_at_hand
    fetched = await references.fetch(url, is_suspect=False)
    assert fetched.heads == expected(scene)
    assert host.seen["remote.git", "fetch"] == 1
    git(scene.bare, "update-ref", "-d", f"{PREFIX}dev-ada")
    assert (await references.fetch(url, is_suspect=False)).heads == {
        f"{PREFIX}main": expected(scene)[f"{PREFIX}main"]
    }
    (head,) = mirror.heads(url, [expected(scene)[f"{PREFIX}main"]]).values()
    assert (head[0].subject, head[1]) == ("first", ["hello"])
    await references.close()


async def test_a_remote_that_asks_for_patience_says_how_long(host: GitHost, asking: SmartHttp) -> None:
    url = f"{host.url}/remote.git"
    await asking.heads(url, PREFIX)
    host.faults["remote.git"] = Faults(status=429, retry_after="17")
    with pytest.raises(RetryLater) as caught:
        await asking.heads(url, PREFIX)
    assert caught.value.after_s == 17


def line(text: bytes) -> bytes:
    return f"{len(text) + 4:04x}".encode() + text


HEAD = line(b"a" * 40 + b" refs/heads/env/main\n")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (HEAD, "without an end"),
        (b"", "without an end"),
        (HEAD[:-3], "cut off"),
        (b"zzzz", "without a length"),
        (b"0003", "cut off"),
        (b"000fno object 0000", "names no ref"),
        (b"0012ERR \x1b[2Jboom\n0000", "boom"),
        (b"<html>please log in</html>", "without a length"),
        (b"0000" * 1_100_000, "more than"),
    ],
)
async def test_a_broken_answer_is_an_error_and_never_looks_like_branches_that_are_gone(
    host: GitHost, asking: SmartHttp, body: bytes, said: str
) -> None:
    url = f"{host.url}/remote.git"
    await asking.heads(url, PREFIX)
    host.faults["remote.git"] = Faults(body=body)
    with pytest.raises(CoopError) as caught:
        await asking.heads(url, PREFIX)
    assert said in caught.value.why
    assert caught.value.why.isprintable()


async def test_a_remote_that_is_away_is_told_with_a_remedy(asking: SmartHttp) -> None:
    with pytest.raises(CoopError) as caught:
        await asking.heads("http://127.0.0.1:9/x.git", PREFIX)
    assert caught.value.remedy == "check the network and the remote's address"


def test_refs_outside_of_the_prefix_are_left_out_and_odd_names_survive() -> None:
    other = line(b"b" * 40 + b" refs/heads/environment\n")
    odd = line(b"c" * 40 + b" refs/heads/env/\xff\xfe\n")
    found = protocol.refs(HEAD + other + odd + b"0000", PREFIX)
    assert found == {f"{PREFIX}main": "a" * 40, os.fsdecode(b"refs/heads/env/\xff\xfe"): "c" * 40}


def test_a_server_of_another_version_or_of_another_kind_is_told_apart() -> None:
    service = b"001e# service=git-upload-pack\n0000"
    sha1, sha256 = line(b"object-format=sha1\n"), line(b"object-format=sha256\n")
    v2 = line(b"version 2\n") + line(b"ls-refs=unborn\n") + sha1 + b"0000"
    assert protocol.object_format(service + v2) == "sha1"
    assert protocol.object_format(v2.replace(sha1, sha256)) == "sha256"
    assert protocol.object_format(v2.replace(sha1, b"")) == "sha1"
    assert protocol.object_format(v2.replace(sha1, line(b"object-format=md5\n"))) is None
    assert protocol.object_format(service + HEAD + b"0000") is None
