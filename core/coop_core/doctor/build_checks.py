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
from coop_core.build.dagger.session import attached
from coop_core.doctor.checking import Check, Result, failed, passed, skipped

if TYPE_CHECKING:
    from coop_core.doctor.case import Case

LIMIT_S = 8.0
_LOCAL = "the local platform builds without Dagger"
_HUB = "registry-1.docker.io"
_RUNTIMES = ("docker", "podman", "nerdctl")
_IS_HERE = re.compile(r"(localhost|127\.[\d.]+|\[::1\])(:\d+)?")


def checks(case: Case) -> list[Check]:
    return [
        Check("dagger", lambda: _cli(case)),
        Check("engine", lambda: _engine(case)),
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
    """Whether one is there to answer. None is started: that can take minutes, and belongs to the first build."""
    if not case.uses_dagger:
        return skipped(_LOCAL)
    if session := attached(case.environ):
        return await _answers(f"tcp://127.0.0.1:{session.port}", "unset DAGGER_SESSION_PORT")
    address = case.settings.dagger.engine or case.environ.get("_EXPERIMENTAL_DAGGER_RUNNER_HOST", "")
    if address.startswith("tcp://"):
        return await _answers(address, f"start the engine at {address}, or correct [dagger] engine in the settings")
    if address:
        return passed(f"{address}; the first build shows whether it answers")
    path = case.environ.get("PATH", os.defpath)
    for runtime in (name for name in _RUNTIMES if shutil.which(name, path=path)):
        code, _ = await programs.output([runtime, "version"], case.environ, limit_s=LIMIT_S)
        if code == 0:
            return passed(f"{runtime} runs it")
        return failed(f"{runtime} is installed and does not answer", f"{runtime} info shows why")
    return failed("there is nothing to run an engine with", "install Docker or Podman, or name [dagger] engine")


async def _answers(address: str, mend: str) -> Result:
    parts = urlsplit(address)
    try:
        _, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.close()
    except (OSError, ValueError, TypeError):
        return failed(f"nothing answers at {address}", mend)
    return passed(f"{address} answers")


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
