"""A disk that takes no more: nothing is half written, whoever asked is told, and it goes on once there is room."""

from __future__ import annotations

import errno
import resource
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from coop_core.cluster.kinds import CONFIG_MAP
from coop_core.errors import CoopError, ExitCode
from coop_core.local.store import Store, translated
from tests.local_api.api_client import CONFIG_MAPS, config_map

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from coop_core.cluster.kinds import Raw
    from tests.local_api.api_client import Api


@contextmanager
def files_grow_no_more() -> Iterator[None]:
    """The operating system refuses what every file gets past its first block."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def note(name: str) -> Raw:
    return {"metadata": {"name": name, "namespace": "main"}, "data": {"a": "b"}}


def test_what_cannot_be_kept_is_not_written_and_the_next_write_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "objects.db"
    store = Store(path)
    store.put(CONFIG_MAP, note("first"))
    revision = store.revision
    with files_grow_no_more(), pytest.raises(OSError, match=r"objects\.db"):
        store.put(CONFIG_MAP, note("refused"))
    assert (store.revision, store.get(CONFIG_MAP, "main", "refused")) == (revision, None)
    store.put(CONFIG_MAP, note("second"))
    store.close()
    again = Store(path)
    assert [body["metadata"]["name"] for body in again.objects(CONFIG_MAP)] == ["first", "second"]
    again.close()


def test_a_full_database_is_a_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "objects.db"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE t (body)")
    db.execute("PRAGMA max_page_count = 3")
    with pytest.raises(OSError, match="No space left") as caught, translated(path):
        db.execute("INSERT INTO t VALUES (zeroblob(100000))")
    db.close()
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(path))


def test_a_damaged_file_is_told_with_what_mends_it(tmp_path: Path) -> None:
    path = tmp_path / "objects.db"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(CoopError) as caught:
        Store(path)
    assert caught.value.exit_code == ExitCode.PLATFORM
    assert "is damaged" in caught.value.why
    assert f"mv {path} {path}.damaged" in caught.value.remedy


async def test_the_api_tells_why_it_cannot_write(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    with files_grow_no_more():
        refused = await api.post(CONFIG_MAPS, config_map("refused"))
    assert (refused.code, refused.json["reason"]) == (500, "InternalError")
    assert "disk I/O error" in refused.json["message"]
    assert all(record.exc_info is None for record in caplog.records)
    assert (await api.post(CONFIG_MAPS, config_map("kept"))).code == 201
