"""What a deploy commit says: its message and the trailers that tools read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from coop_core.clock import rfc3339
from coop_core.cluster import labels
from coop_core.git.failures import clean

if TYPE_CHECKING:
    from coop_core.git.deploying import DeployRequest

# Argo CD shows the commit that these name beside the deploy commit.
REFERENCE = "Argocd-reference-commit-"

_TRAILER = re.compile(r"([A-Za-z0-9-]+): (.*)")


def message(request: DeployRequest) -> str:
    """Subject and trailers."""
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
    lines = [f"{key}: {clean(value, 1000)}" for key, value in trailers.items() if value]
    return "\n".join([subject, "", *lines, ""])


def trailers(text: str) -> dict[str, str]:
    """The trailers of a message: its last paragraph, when every line of that is one."""
    last = text.rstrip().rsplit("\n\n", 1)[-1].split("\n")
    found = [_TRAILER.fullmatch(line) for line in last]
    return {match[1]: match[2] for match in found if match} if all(found) else {}
