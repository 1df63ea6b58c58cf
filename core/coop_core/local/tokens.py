"""Who may call the local platform: bearer tokens, each standing for one identity.

Tokens are made once and kept, so that kubeconfigs survive a restart. They are compared as digests, and never
appear in a log, an error or a repr.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from typing import TYPE_CHECKING

import msgspec

from coop_core.errors import CoopError, ExitCode

if TYPE_CHECKING:
    from pathlib import Path

API_AUDIENCE = "https://kubernetes.default.svc"
"""What a token must be meant for before the API server itself accepts it."""
PROXY_AUDIENCE = "coop-proxy"

MASTERS = "system:masters"
PROXIES = "coop:proxy"
AUTHENTICATED = "system:authenticated"


class Identity(msgspec.Struct, frozen=True):
    """A user as Kubernetes knows one. `audiences`: the servers that the token is meant for."""

    user: str
    groups: tuple[str, ...] = ()
    audiences: tuple[str, ...] = (API_AUDIENCE,)


class _Entry(msgspec.Struct, frozen=True):
    token: str
    identity: Identity


class Tokens:
    """The tokens of one platform. `ensure` opens them; `token_for` makes one the first time it is asked."""

    def __init__(self, path: Path, entries: list[_Entry]) -> None:
        self._path = path
        self._entries = entries
        self._identities = {_digest(entry.token): entry.identity for entry in entries}

    @classmethod
    def ensure(cls, folder: Path) -> Tokens:
        """The tokens kept in `folder`; an empty set at first."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / "tokens.json"
        try:
            entries = msgspec.json.decode(path.read_bytes(), type=list[_Entry])
        except FileNotFoundError:
            entries = []
        except msgspec.DecodeError:
            raise CoopError(
                "cannot read the local platform's tokens",
                f"{path} is damaged",
                f"delete {path} and start the platform again; it makes new tokens",
                ExitCode.PLATFORM,
            ) from None  # the library's message may quote a token
        return cls(path, entries)

    def token_for(self, identity: Identity) -> str:
        """The token of exactly this identity, on disk before it is returned."""
        for entry in self._entries:
            if entry.identity == identity:
                return entry.token
        token = f"coop_{secrets.token_urlsafe(32)}"
        self._entries.append(_Entry(token, identity))
        self._save()
        self._identities[_digest(token)] = identity
        return token

    def revoke(self, user: str) -> None:
        """From now on, no token of `user` is known."""
        self._entries = [entry for entry in self._entries if entry.identity.user != user]
        self._save()
        self._identities = {_digest(entry.token): entry.identity for entry in self._entries}

    def identify(self, token: str) -> Identity | None:
        """Whose token this is, whatever its audience; None when it is nobody's."""
        return self._identities.get(_digest(token))

    def _save(self) -> None:
        unfinished = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
        unfinished.unlink(missing_ok=True)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(self._entries)))
        unfinished.replace(self._path)


def _digest(token: str) -> bytes:
    # Looked up by digest: how long a lookup takes says nothing about the tokens there are.
    return hashlib.sha256(token.encode(errors="surrogateescape")).digest()
