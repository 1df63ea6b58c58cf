"""The platform: whether it runs and answers, whether it knows us, whether clocks and versions agree."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, TypeVar

import msgspec

from coop_core.clock import age
from coop_core.doctor.checking import Check, Result, failed, passed, skipped
from coop_core.kube.configuration import from_kubeconfig
from coop_core.kube.failures import Unauthorized
from coop_core.kube.transport import Answer, Call, Transport
from coop_core.local.free_ports import is_free
from coop_core.local.runtime.stopping import living as living_pods
from coop_core.platform import access, control, kubeconfigs
from coop_core.platform import record as records

if TYPE_CHECKING:
    from pathlib import Path

    from coop_core.doctor.case import Case
    from coop_core.platform.access import Access
    from coop_core.platform.record import Record

SKEW_LIMIT_S = 30.0
"""Tokens and certificates are judged by the clock; a minute off breaks the first of them."""
SOON_S = 3600.0

_WHO = Call("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews",
            body=b'{"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}')  # fmt: skip
_VERSION = Call("GET", "/version")
_IDLE = "it does not run now; coop dev and coop ui start it"


class _UserInfo(msgspec.Struct):
    username: str = "somebody"


class _WhoStatus(msgspec.Struct):
    userInfo: _UserInfo = msgspec.field(default_factory=_UserInfo)  # noqa: N815 - the wire's name


class _Review(msgspec.Struct):
    status: _WhoStatus = msgspec.field(default_factory=_WhoStatus)


class _Version(msgspec.Struct):
    gitVersion: str = "an unknown version"  # noqa: N815 - the wire's name


class _Claims(msgspec.Struct):
    """Of a token that is a JWT: seconds since the epoch, None for what it does not say."""

    iat: float | None = None
    exp: float | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """An answer's body, its Date header, and our own time when it came."""

    body: bytes
    date: str
    at_s: float


def checks(case: Case) -> list[Check]:
    return [
        Check("platform", lambda: _platform(case)),
        Check("token", lambda: _token(case)),
        Check("clock", lambda: _clock(case)),
        Check("versions", lambda: _versions(case)),
        Check("kubeconfig", lambda: _kubeconfig(case)),
    ]


async def _platform(case: Case) -> Result:
    reached = _access(case)
    if reached is not None:
        await _asked(case, reached, _VERSION)
        return passed(f"the {'local platform' if reached.is_local else 'cluster'} answers")
    pods = case.home.platform / control.PODS
    left = [] if records.is_held(case.home.platform) else await asyncio.to_thread(living_pods, pods)
    if left:
        says = f"it does not run, and left {len(left)} pod{'' if len(left) == 1 else 's'} running"
        return failed(says, "coop platform down", partial(control.down, case.home))
    port = case.settings.port
    if port and not await asyncio.to_thread(is_free, port):
        return failed(
            f"another program has port {port}", f"port = 0 in {case.home.settings_file} takes any free one"
        )
    return skipped(_IDLE)


async def _token(case: Case) -> Result:
    reached = _access(case)
    if reached is None:
        return skipped(_IDLE)
    made_s, ends_s = await asyncio.to_thread(_dates, reached)
    now_s = case.clock.now_s()
    mend = "coop kubeconfig" if reached.is_local else "ask whoever runs the platform for a new kubeconfig"
    if ends_s is not None and ends_s <= now_s:
        return failed(f"the token expired {age(now_s - ends_s)} ago", mend)
    try:
        said = await _asked(case, reached, _WHO)
    except Unauthorized:
        return failed("the platform does not know the token", mend)
    who = _read(said.body, _Review).status.userInfo.username
    old = f", {age(now_s - made_s)} old" if made_s is not None else ""
    if ends_s is None:
        return passed(f"valid for {who}{old}; it does not expire")
    if ends_s - now_s < SOON_S:
        return failed(f"valid for {who}{old}, and expires in {age(ends_s - now_s)}", mend)
    return passed(f"valid for {who}{old}, for another {age(ends_s - now_s)}")


async def _clock(case: Case) -> Result:
    reached = _access(case)
    if reached is None:
        return skipped(_IDLE)
    if reached.is_local:
        return passed("the platform has this machine's")
    said = await _asked(case, reached, _VERSION)
    try:
        skew_s = said.at_s - parsedate_to_datetime(said.date).timestamp()
    except (ValueError, TypeError):
        return skipped("the platform does not tell its time")
    if abs(skew_s) > SKEW_LIMIT_S:
        return failed(
            f"this clock is {age(abs(skew_s))} {'ahead of' if skew_s > 0 else 'behind'} the platform's",
            "sudo timedatectl set-ntp true",
        )
    return passed("it agrees with the platform's")


async def _versions(case: Case) -> Result:
    ours = version("coop")
    reached = _access(case)
    if reached is None:
        return passed(f"coop {ours}")
    said = _read((await _asked(case, reached, _VERSION)).body, _Version).gitVersion
    record = records.living(case.home.platform) if reached.is_local else None
    theirs = record.version if record else ""
    if theirs and theirs != ours:
        return failed(
            f"this is coop {ours}, and the platform that runs is {theirs}",
            "coop platform down && coop platform up (its services restart)",
        )
    return passed(f"coop {ours} on both sides" if theirs else f"coop {ours}; the platform is Kubernetes {said}")


async def _kubeconfig(case: Case) -> Result:
    """What `coop kubeconfig` wrote once, for kubectl."""
    written, current = case.home.state / "kubeconfig", _access(case)
    if not written.exists() or current is None:
        return skipped("coop kubeconfig has not been used" if current else _IDLE)
    content = current.kubeconfig.read_text("utf-8")
    if written.read_text("utf-8", "replace") != content:
        return failed(
            f"{written} is for another platform, or an older one", "coop kubeconfig",
            partial(kubeconfigs.write, written, content),
        )  # fmt: skip
    return passed(f"{written} is up to date")


def _access(case: Case) -> Access | None:
    """None when the local platform does not run: looking must not start it."""
    if case.settings.cluster:
        return access.of_cluster(case.settings.cluster, "")
    record: Record | None = records.living(case.home.platform)
    return access.of_local(case.home, record) if record else None


async def _asked(case: Case, reached: Access, call: Call) -> Said:
    transport = Transport(await from_kubeconfig(reached.kubeconfig, reached.context))
    try:
        response = await transport.open(call)
        at_s = case.clock.now_s()
        async with Answer(response, call) as answer:
            body = await answer.start()
    finally:
        await transport.close()
    return Said(body, response.headers.get("Date", ""), at_s)


T = TypeVar("T", bound=msgspec.Struct)


def _read(body: bytes, kind: type[T]) -> T:
    """What the platform says; the defaults where it says something else."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError:
        return kind()


def _dates(reached: Access) -> tuple[float | None, float | None]:
    """When the token was made, and when it ends, in seconds; None for what it does not say."""
    from coop_core import yamls

    path: Path = reached.kubeconfig
    try:
        users = yamls.load(path.read_bytes(), str(path))["users"]
        [token] = [user["user"]["token"] for user in users if "token" in user["user"]]
        payload = token.split(".")[1] if token.count(".") == 2 else ""
        claims = _read(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), _Claims)
    except (KeyError, TypeError, ValueError, AttributeError):
        claims = _Claims()
    if reached.is_local and claims.iat is None:
        return (path.parent / "tokens.json").stat().st_mtime, claims.exp
    return claims.iat, claims.exp
