"""What a commit on an environment branch says: its message and the trailers that tools read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from coop_core.clock import parse_rfc3339, rfc3339
from coop_core.cluster import labels
from coop_core.git.failures import clean
from coop_core.git.repository import PERSONAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coop_core.git.deploy_request import DeployRequest

# Argo CD shows the commit that these name beside the deploy commit.
REFERENCE = "Argocd-reference-commit-"

_TRAILER = re.compile(r"([A-Za-z0-9-]+): (.*)")


def message(request: DeployRequest, now_s: float) -> str:
    """Subject and trailers of a deploy commit."""
    verb = "deploy {} to {}" if request.files else "remove {} from {}"
    subject = clean(request.subject) or verb.format(request.service, request.environment)
    trailers = {
        labels.TRAILER_SERVICE: request.service,
        labels.TRAILER_ENVIRONMENT: request.environment,
        labels.TRAILER_SOURCE_COMMIT: request.source_commit,
        labels.TRAILER_IMAGE: request.image,
    }
    if request.reference:
        trailers |= {
            f"{REFERENCE}author": request.reference.author,
            f"{REFERENCE}sha": request.reference.id,
            f"{REFERENCE}subject": request.reference.subject,
            f"{REFERENCE}repourl": request.source_url,
            f"{REFERENCE}date": rfc3339(request.reference.authored_s),
        }
    return compose(subject, trailers | expiry(request.environment, request.lifetime_s, now_s))


def compose(subject: str, trailers: Mapping[str, str]) -> str:
    """A subject with the trailers that are not empty."""
    lines = [f"{key}: {clean(value, 1000)}" for key, value in trailers.items() if value]
    return "\n".join([subject, "", *lines, ""])


def expiry(environment: str, lifetime_s: float | None, now_s: float) -> dict[str, str]:
    """The trailer that says when a personal environment ends; none for a shared one, or when it never does."""
    if lifetime_s is None or not environment.startswith(PERSONAL):
        return {}
    return {labels.TRAILER_EXPIRES: rfc3339(now_s + lifetime_s)}


def expires_s(environment: str, text: str) -> float | None:
    """When an environment whose head has this message ends, in seconds since the epoch; None is never.

    What cannot be understood is never: a mistake must not take an environment away.
    """
    if not environment.startswith(PERSONAL):
        return None
    return parse_rfc3339(trailers(text).get(labels.TRAILER_EXPIRES, ""))


def is_asleep(text: str) -> bool:
    """Whether an environment whose head has this message was put to sleep."""
    return trailers(text).get(labels.TRAILER_STATE) == labels.STATE_ASLEEP


def trailers(text: str) -> dict[str, str]:
    """The trailers of a message: its last paragraph, when every line of that is one."""
    last = text.rstrip().rsplit("\n\n", 1)[-1].split("\n")
    found = [_TRAILER.fullmatch(line) for line in last]
    return {match[1]: match[2] for match in found if match} if all(found) else {}
