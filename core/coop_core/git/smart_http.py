"""Refs of remotes over smart HTTP: one small POST on a connection that stays open, whatever the number of branches.

Where git would start a process and read all refs, this asks for those below one prefix (protocol version 2). A
remote that needs a proxy, certificates or headers of its own, or speaks another version, is `NotSpoken`: git must
be asked. GitHub's REST interface answers conditional requests for one ref each; this asks any host for every
environment at once.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import os
import re
import ssl
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import aiohttp

from coop_core.errors import ExitCode
from coop_core.git import failures, protocol
from coop_core.git.remotes import REMOTE, naming
from coop_core.git.runner import Git
from coop_core.git.threads import in_thread

TIMEOUT_S = 10.0
CONNECT_S = 5.0
ANSWER_LIMIT_BYTES = 4 * 1024 * 1024
AT_ONCE_PER_HOST = 32

# Settings of git that change nothing about a question this small.
_HARMLESS = re.compile(
    r"http\.(postbuffer|lowspeed\w+|version|followredirects|maxrequests|minsessions|maxrequestbuffer)",
    re.IGNORECASE,
)
_TLS = re.compile(r"http\.ssl\w+|git_ssl_\w+", re.IGNORECASE)
_AUTHORITIES = ("git_ssl_cainfo", "http.sslcainfo")
"""Where git reads which authorities to trust; the first that is set wins."""
_TELLING = re.compile(r"(https?|all)_proxy|git_ssl_\w+|git_proxy_\w+|git_http_\w+", re.IGNORECASE)


class NotSpoken(Exception):
    """Only git itself can read this remote."""


class RetryLater(failures.Unreachable):
    """The remote asks to be left alone for `after_s` seconds."""

    def __init__(self, url: str, after_s: float) -> None:
        super().__init__(
            f"cannot read {failures.clean(url)}", f"it asks for fewer requests, and to wait {after_s:g} s",
            "wait; or spread the repositories over several agents", ExitCode.GIT,
        )  # fmt: skip
        self.after_s = after_s


@dataclass(slots=True)
class _Known:
    """What was learned of a remote. base: its URL without a login. authorization: a header's value, or "".

    tls: trusting the authorities that git's settings name; True for the system's own.
    """

    base: str
    authorization: str
    tls: ssl.SSLContext | bool = True
    object_format: str = "sha1"
    answer: bytes = b""
    refs: dict[str, str] | None = None


class SmartHttp:
    """Asks any number of remotes, over one pool of connections. `requests` counts what was sent."""

    def __init__(self) -> None:
        self.requests = 0
        self._session: aiohttp.ClientSession | None = None
        self._known: dict[str, _Known] = {}

    async def close(self) -> None:
        if self._session:
            await self._session.close()
            self._session = None

    def forget(self, url: str) -> None:
        self._known.pop(url, None)

    async def heads(self, url: str, prefix: str) -> dict[str, str]:
        """Full ref to object id of the refs below `prefix`. Raises NotSpoken, or a CoopError."""
        try:
            async with asyncio.timeout(TIMEOUT_S):  # settings, logins and requests together
                known = self._known.get(url)
                if known is None:
                    known = self._known[url] = await self._meet(url)
                body = await self._post(url, known, protocol.ls_refs(prefix, known.object_format))
            if known.refs is None or body != known.answer:
                known.refs, known.answer = protocol.refs(body, prefix), body
            return known.refs
        except protocol.Malformed as error:
            self.forget(url)
            raise _away(url, f"it answered with {failures.clean(str(error))}") from error
        except TimeoutError as error:
            raise _away(url, f"it did not answer within {TIMEOUT_S:g} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _away(url, failures.clean(str(error) or type(error).__name__)) from error

    async def _meet(self, url: str) -> _Known:
        """Learns how the remote speaks: one request, and two questions to git's settings."""
        known = await in_thread(lambda: _as_configured(url))
        asked = f"{known.base}/info/refs?service=git-upload-pack"
        status, body = await self._send("GET", asked, known)
        if status == HTTPStatus.UNAUTHORIZED and await self._log_in(known):
            status, body = await self._send("GET", asked, known)
        if status != HTTPStatus.OK:
            raise NotSpoken  # git knows more ways in, and words for what is wrong
        try:
            found = protocol.object_format(body)
        except protocol.Malformed as error:  # a page to log in, say: git has words for it
            raise NotSpoken from error
        if found is None:
            raise NotSpoken
        known.object_format = found
        return known

    async def _log_in(self, known: _Known) -> bool:
        """Whether git's credential helpers know a login; it is kept in memory and never written."""
        found = await in_thread(lambda: _credential(known.base))
        is_new = bool(found) and found != known.authorization
        known.authorization = found or known.authorization
        return is_new

    async def _post(self, url: str, known: _Known, body: bytes) -> bytes:
        address = f"{known.base}/git-upload-pack"
        status, answer = await self._send("POST", address, known, body)
        if status == HTTPStatus.UNAUTHORIZED and await self._log_in(known):  # a token that was renewed
            status, answer = await self._send("POST", address, known, body)
        if status != HTTPStatus.OK:
            self.forget(url)
            raise (
                NotSpoken if status < HTTPStatus.INTERNAL_SERVER_ERROR else _away(url, f"it answered HTTP {status}")
            )
        return answer

    async def _send(self, method: str, address: str, known: _Known, body: bytes | None = None) -> tuple[int, bytes]:
        headers = {"Git-Protocol": "version=2", "User-Agent": "git/2.39 coop", "Accept-Encoding": "identity"}
        if known.authorization:
            headers["Authorization"] = known.authorization
        if body is not None:
            headers["Content-Type"] = "application/x-git-upload-pack-request"
            headers["Accept"] = "application/x-git-upload-pack-result"
        self.requests += 1
        async with self._open().request(
            method, address, headers=headers, data=body, allow_redirects=False, ssl=known.tls
        ) as response:
            wait = response.headers.get("Retry-After", "")
            if response.status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE) and wait.isdigit():
                raise RetryLater(known.base, min(3600.0, float(wait[:6])))
            answer = await response.content.read(ANSWER_LIMIT_BYTES + 1)
            while len(answer) <= ANSWER_LIMIT_BYTES and (more := await response.content.read(ANSWER_LIMIT_BYTES)):
                answer += more
            if len(answer) > ANSWER_LIMIT_BYTES:
                response.close()
                raise protocol.Malformed(f"more than {ANSWER_LIMIT_BYTES} bytes")
            return response.status, answer

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, limit_per_host=AT_ONCE_PER_HOST, keepalive_timeout=60),
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_S, sock_connect=CONNECT_S),
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


def _as_configured(url: str) -> _Known:
    """The remote as git's settings make it; NotSpoken when they say what only git understands."""
    git = Git(Path("/"))
    real = git.run("ls-remote", "--get-url", "--", REMOTE, doing="read the remote's address", env=naming(url)).text
    parts = urlsplit(real)
    if parts.scheme not in ("http", "https"):
        raise NotSpoken
    plain = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="")).rstrip("/")
    settings = git.attempt("config", "-z", "--get-urlmatch", "http", plain).text
    said = dict(entry.split("\n", 1) for entry in settings.split("\0") if "\n" in entry)
    said = {key: value for key, value in said.items() if not _HARMLESS.fullmatch(key)}
    said |= {name.lower(): value for name, value in os.environ.items() if _TELLING.fullmatch(name)}
    if parts.scheme == "http":
        said = {key: value for key, value in said.items() if not _TLS.fullmatch(key)}
    authorities = [said.pop(key, "") for key in _AUTHORITIES]
    if said:
        raise NotSpoken
    tls = _trusting(next(filter(None, authorities), ""))
    if parts.username is None:
        return _Known(plain, "", tls)
    if parts.password is None:  # git asks its helpers for this user's
        raise NotSpoken
    return _Known(plain, _basic(unquote(parts.username), unquote(parts.password)), tls)


@functools.lru_cache(8)  # reading the system's authorities takes 20 ms
def _trusting(authorities: str) -> ssl.SSLContext | bool:
    """TLS that trusts the authorities in a file; True for those of the system."""
    return ssl.create_default_context(cafile=os.path.expanduser(authorities)) if authorities else True


def _credential(base: str) -> str:
    """The Authorization header that git's credential helpers give; "" when they know none."""
    result = Git(Path("/")).attempt("credential", "fill", stdin=f"url={base}\n\n".encode(), limit_s=TIMEOUT_S)
    said = dict(line.split("=", 1) for line in result.text.split("\n") if "=" in line)
    if result.status != 0 or not said.get("password"):
        return ""
    return _basic(said.get("username", ""), said["password"])


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")


def _away(url: str, why: str) -> failures.Unreachable:
    return failures.Unreachable(
        f"cannot read {failures.clean(url)}", why, "check the network and the remote's address", ExitCode.GIT
    )
