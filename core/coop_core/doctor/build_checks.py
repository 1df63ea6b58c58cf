"""Building for a cluster: the Dagger CLI, an engine, and the registry. Not looked at for the local platform."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp

from coop_core.build.dagger import cli, programs
from coop_core.build.dagger.registry import DOCKER_HUB, PASSWORD, USERNAME, credentials, registry
from coop_core.build.dagger.session import Lost, attached
from coop_core.build.dagger.supervising import Sessions
from coop_core.doctor.checking import Check, Result, failed, passed, skipped

if TYPE_CHECKING:
    from coop_core.doctor.case import Case

LIMIT_S = 8.0
ENGINE_LIMIT_S = 30.0
"""An engine whose container has to be started first needs some of it."""
_WITH_ENDING_S = LIMIT_S + ENGINE_LIMIT_S + 20.0
_LOCAL = "the local platform builds without Dagger"
_HUB = "registry-1.docker.io"
_RUNTIMES = ("docker", "podman", "nerdctl")
_IS_HERE = re.compile(r"(localhost|127\.[\d.]+|\[::1\])(:\d+)?")


def checks(case: Case) -> list[Check]:
    return [
        Check("dagger", lambda: _cli(case)),
        Check("engine", lambda: _engine(case), limit_s=_WITH_ENDING_S),
        Check("registry", lambda: _registry(case)),
        Check("credentials", lambda: _credentials(case)),
    ]


async def _cli(case: Case) -> Result:
    if not case.uses_dagger:
        return skipped(_LOCAL)
    path = cli.find(case.settings.dagger.cli, case.environ)
    _, out = await programs.output([str(path), "version"], case.environ, limit_s=LIMIT_S)
    numbers = re.search(rb"v(\d+)\.(\d+)\.(\d+)", out)
    if not numbers:
        return failed(f"{path} does not say its version", cli.INSTALL)
    found = tuple(int(number) for number in numbers.groups())
    told = ".".join(map(str, found))
    if found < cli.OLDEST:
        return failed(f"Dagger {told} is too old: it builds everything on every save", cli.INSTALL)
    return passed(f"Dagger {told}, {path}")


async def _engine(case: Case) -> Result:
    """Whether one answers, by what the first build would do: a session is started, asked, and ended again."""
    if not case.uses_dagger:
        return skipped(_LOCAL)
    address = case.settings.dagger.engine or case.environ.get("_EXPERIMENTAL_DAGGER_RUNNER_HOST", "")
    if attached(case.environ):
        by = "in the session of DAGGER_SESSION_PORT"
    elif address:
        by = f"at {address}"
        if address.startswith("tcp://") and not await _answers(address):
            mend = f"start the engine at {address}, or correct [dagger] engine in the settings"
            return failed(f"nothing answers at {address}", mend)
    else:
        runtime = await _runtime(case)
        if isinstance(runtime, Result):
            return runtime
        by = f"run by {runtime}"
    return await _asked(case, by)


async def _asked(case: Case, by: str) -> Result:
    dagger = case.settings.dagger
    sessions = Sessions(dagger.cli, dagger.engine, case.environ)
    try:
        async with asyncio.timeout(ENGINE_LIMIT_S), sessions.open() as opened:
            version = await opened.engine.version()
    except TimeoutError:
        return failed(
            f"no engine answers within {ENGINE_LIMIT_S:g} s, {by}",
            "dagger core version, which shows what it waits for; the first time, it downloads the engine",
        )
    except Lost as error:
        return failed(f"its session was lost: {error}", "dagger core version")
    finally:
        await sessions.close()
    return passed(f"{version} answers, {by}")


async def _runtime(case: Case) -> str | Result:
    """What runs containers here, or that nothing does."""
    path = case.environ.get("PATH", os.defpath)
    for runtime in (name for name in _RUNTIMES if shutil.which(name, path=path)):
        code, _ = await programs.output([runtime, "version"], case.environ, limit_s=LIMIT_S)
        if code == 0:
            return runtime
        return failed(f"{runtime} is installed and does not answer", f"start it; {runtime} info shows why")
    return failed("there is nothing to run an engine with", "install Docker or Podman, or name [dagger] engine")


async def _answers(address: str) -> bool:
    parts = urlsplit(address)
    try:
        _, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.close()
    except (OSError, ValueError, TypeError):
        return False
    return True


async def _registry(case: Case) -> Result:
    if not case.uses_dagger:
        return skipped(_LOCAL)
    if case.settings.registry is None:
        return failed("no registry is named", f'[registry] address = "ghcr.io/you" in {case.home.settings_file}')
    found = registry(case.settings.registry.address, case.settings.registry.pulled_as)
    host = _HUB if found.host == DOCKER_HUB else found.host
    schemes = ("https", "http") if _IS_HERE.fullmatch(host) else ("https",)
    for scheme in schemes:
        status = await _status(f"{scheme}://{host}/v2/")
        if status in (200, 401):
            return passed(f"{found.host} answers")
    return failed(f"{found.host} does not answer as a registry", f"curl -i {schemes[-1]}://{host}/v2/")


async def _status(url: str) -> int:
    """0 when there is no answer."""
    timeout = aiohttp.ClientTimeout(total=LIMIT_S / 2)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(url, allow_redirects=False) as answer,
        ):
            return answer.status
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
        return 0


async def _credentials(case: Case) -> Result:
    if not case.uses_dagger:
        return skipped(_LOCAL)
    if case.settings.registry is None:
        return skipped("no registry is named")
    host = registry(case.settings.registry.address, None).host
    found = await credentials(host, case.environ)
    if found is not None:
        return passed(f"{found.username} at {host}")
    if _IS_HERE.fullmatch(host):
        return passed(f"none for {host}, which asks for none")
    login = f"docker login {'' if host == DOCKER_HUB else host}".strip()
    return failed(f"there are none for {host}", f"{login}; or set {USERNAME} and {PASSWORD}")
