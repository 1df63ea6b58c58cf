"""What the API answers when it does not do what was asked.

ApiError
├─ BadRequest      400, 413, 415, 422: the request itself is wrong
├─ Unauthorized    401
├─ Forbidden       403
├─ NotFound        404
├─ AlreadyExists   409, the name is taken
├─ Conflict        409, the object changed since it was read
├─ Expired         410, the revision is too old: list again
└─ Unavailable     no answer, 429, 5xx, or an answer that is not Kubernetes'
"""

from __future__ import annotations

import msgspec

from coop_core.errors import CoopError, ExitCode
from coop_core.text import one_line

_BODY_LIMIT = 64 * 1024
"""A Status is small; whatever is longer is some other server's page."""


class ApiError(CoopError):
    """A request to the platform's API failed.

    code: the HTTP status, 0 without an answer. reason: Kubernetes' word for it, e.g. "AlreadyExists".
    """

    remedy_text = "coop platform status"

    def __init__(self, what: str, why: str, *, code: int = 0, reason: str = "", retry_after_s: float = 0) -> None:
        super().__init__(what, why, self.remedy_text, ExitCode.PLATFORM)
        self.code = code
        self.reason = reason
        self.retry_after_s = retry_after_s


class BadRequest(ApiError):
    """The API understood nothing, or refuses what the object says."""

    remedy_text = "correct the object that the message names"


class Unauthorized(ApiError):
    """The token is missing, expired, or for somebody else."""

    remedy_text = "run `coop kubeconfig` to get a new token"


class Forbidden(ApiError):
    """The API knows us and says no."""

    remedy_text = "ask the platform's operator to widen what you may see"


class NotFound(ApiError):
    """There is no such object, or no such kind."""


class AlreadyExists(ApiError):
    """Create, and the name is taken."""


class Conflict(ApiError):
    """The object changed since it was read."""

    remedy_text = "read the object again and repeat the change"


class Expired(ApiError):
    """The revision or continue token is too old: list again."""


class Unavailable(ApiError):
    """No usable answer now; later there may be one."""


class _Details(msgspec.Struct):
    retryAfterSeconds: float = 0  # noqa: N815 - the wire's name


class _Status(msgspec.Struct):
    kind: str = ""
    reason: str = ""
    message: str = ""
    code: int = 0
    details: _Details | None = None


_BY_CODE: dict[int, type[ApiError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    405: BadRequest,
    409: Conflict,
    410: Expired,
    413: BadRequest,
    415: BadRequest,
    422: BadRequest,
}


def from_answer(what: str, code: int, body: bytes) -> ApiError:
    """The failure that an HTTP answer means. Only a Status body is believed; any other text is dropped."""
    try:
        status = msgspec.json.decode(body[:_BODY_LIMIT], type=_Status)
    except msgspec.DecodeError:
        status = _Status()
    if status.kind != "Status":
        status = _Status(message=f"the server answered {code} without saying why")
    kind = _BY_CODE.get(code, Unavailable)
    if status.reason == "AlreadyExists":
        kind = AlreadyExists
    retry_after_s = status.details.retryAfterSeconds if status.details else 0
    why = one_line(status.message) or f"the server answered {code}"
    return kind(what, why, code=code, reason=one_line(status.reason, 60), retry_after_s=retry_after_s)


def unusable(why: str) -> CoopError:
    """A kubeconfig, or what it refers to, that cannot be understood or read."""
    return CoopError(
        "cannot use the kubeconfig", why, "correct that file, or write a new one with `coop kubeconfig`",
        ExitCode.PLATFORM,
    )  # fmt: skip
