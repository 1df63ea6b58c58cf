"""Looking at services as their users do: over HTTP."""

from __future__ import annotations

import http.client
import time

from coop_core.errors import CoopError
from coop_core.text import one_line

_PAUSE_S = 0.005


def answer(port: int, host: str) -> str:
    """What the service says at `/`; "" while nobody answers with success."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/", headers={"Host": host})
        response = connection.getresponse()
        body = response.read(64 * 1024).decode("utf-8", "replace")
        return body if response.status == 200 else ""
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()


def wait_for_answer(port: int, host: str, wanted: str, limit_s: float) -> float:
    """The milliseconds until `wanted` was in the answer; a CoopError when it never was. Blocks."""
    started_s = time.perf_counter()
    seen = ""
    while wanted not in seen:
        if time.perf_counter() - started_s > limit_s:
            raise CoopError(
                f"cannot see {wanted!r} at http://{host}:{port}",
                f"after {limit_s:g} s it answers {one_line(seen, 80)!r}",
                "run coop demo again; if it happens twice, please report it",
            )
        seen = answer(port, host)
        if wanted not in seen:
            time.sleep(_PAUSE_S)
    return (time.perf_counter() - started_s) * 1000
