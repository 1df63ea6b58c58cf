"""Names of environments and of their branches. Pure.

A name from outside is hostile until `is_name` or `named_by` let it pass.
"""

from __future__ import annotations

import re

from coop_core.git.repository import PERSONAL

BRANCHES = "refs/heads/env/"
SHARED = "main"

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def is_name(name: str) -> bool:
    """Whether an environment may be called so: `main`, or `dev-<user>`, as a DNS label."""
    is_known = name == SHARED or (name.startswith(PERSONAL) and len(name) > len(PERSONAL))
    return is_known and bool(_LABEL.fullmatch(name))


def named_by(ref: str) -> str | None:
    """The environment of a branch `refs/heads/env/<environment>`; None when it names none that may exist."""
    name = ref.removeprefix(BRANCHES)
    return name if ref.startswith(BRANCHES) and is_name(name) else None
