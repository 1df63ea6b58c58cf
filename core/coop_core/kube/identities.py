"""Who we are to an API: a token, a file that holds one, or what a plugin of the kubeconfig fetches."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol

from coop_core.kube.failures import unusable

if TYPE_CHECKING:
    from pathlib import Path

TOKEN_REREAD_S = 60.0
"""Projected tokens rotate at 80 % of at least ten minutes; client-go re-reads once a minute too."""


class Identity(Protocol):
    """Who we are, request by request."""

    async def authorization(self) -> str | None:
        """The Authorization header's value; None when the TLS certificate alone identifies us."""

    async def renew(self) -> bool:
        """Called after a 401: whether there is a new token worth one more try."""


class FixedToken:
    """A token (None: no token) that does not change."""

    def __init__(self, token: str | None) -> None:
        self._header = f"Bearer {token}" if token else None

    async def authorization(self) -> str | None:
        return self._header

    async def renew(self) -> bool:
        return False


class TokenFile:
    """A token file that somebody else rotates."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._token = ""
        self._read_at_s = -TOKEN_REREAD_S

    async def authorization(self) -> str | None:
        if time.monotonic() - self._read_at_s >= TOKEN_REREAD_S:
            self._read()
        return f"Bearer {self._token}"

    async def renew(self) -> bool:
        before = self._token
        self._read()
        return self._token != before

    def _read(self) -> None:
        try:
            self._token = self._path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise unusable(f"the token file {self._path} cannot be read") from error
        self._read_at_s = time.monotonic()


class PluginIdentity:
    """Credentials that the kubernetes package fetches and renews."""

    def __init__(self, loader: Any, configuration: Any) -> None:
        self._loader = loader
        self._configuration = configuration
        self._loaded_at_s = time.monotonic()

    async def authorization(self) -> str | None:
        if time.monotonic() - self._loaded_at_s >= TOKEN_REREAD_S:
            await self.renew()
        header = self._configuration.api_key.get("BearerToken")
        return str(header) if header else None

    async def renew(self) -> bool:
        before = self._configuration.api_key.get("BearerToken")
        # The loader keeps what has not expired, so this is cheap most of the time.
        await self._loader.load_and_set(self._configuration)
        self._loaded_at_s = time.monotonic()
        return bool(self._configuration.api_key.get("BearerToken") != before)
