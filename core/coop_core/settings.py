"""The user's settings: `settings.toml` in coop's config folder. Every key is optional; the file is too.

Without a `[cluster]` table, coop works on the local platform.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from coop_core.errors import CoopError, ExitCode

if TYPE_CHECKING:
    from coop_core.paths import Home

DEFAULT_PORT = 4780


class Cluster(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A real cluster, read through its proxy."""

    kubeconfig: str
    """Path of a kubeconfig whose server is the cluster's coop proxy; `~` is understood."""
    context: str | None = None
    domain: str = "localhost"
    """Services get the host `<service>.<environment>.<domain>`."""
    scheme: str = "https"


class Registry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the dagger builder publishes images."""

    address: str
    """`<host>[:port][/path]`; a service's image is `<address>/<service>`."""
    pulled_as: str | None = None
    """What the cluster calls it, when that differs: with minikube's registry, localhost:5000."""


class Dagger(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the dagger builder finds Dagger."""

    cli: str | None = None
    """Path of the CLI. Unset: the one on PATH, else the newest in Dagger's cache."""
    engine: str | None = None
    """Address of an engine, e.g. tcp://host:1234. Unset: the CLI starts one with Docker or Podman."""
    images: dict[Literal["python", "node", "static"], str] = {}
    """Base images by language, in place of coop's own: a mirror's, or pinned by digest."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    user: str | None = None
    """Names the personal environment, `dev-<user>`. Unset: taken from Git's identity."""
    remote: str | None = None
    """Git remote that holds the environment branches. Unset: origin, or the only one."""
    expires: Annotated[str, msgspec.Meta(pattern=r"^(never|[1-9][0-9]{0,3}[hd])\Z")] = "7d"
    """How long your personal environment stays after its last deploy, e.g. "12h" or "30d"; "never" for ever."""
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = DEFAULT_PORT
    """The local platform's HTTP port. 0 takes any free one."""
    cluster: Cluster | None = None
    builder: Literal["local", "dagger"] | None = None
    """Unset: local for the local platform, dagger for a cluster."""
    registry: Registry | None = None
    dagger: Dagger = Dagger()

    @property
    def lifetime_s(self) -> float | None:
        """What `expires` says, in seconds; None for ever."""
        if self.expires == "never":
            return None
        return float(self.expires[:-1]) * {"h": 3600.0, "d": 86400.0}[self.expires[-1]]


def load(home: Home) -> Settings:
    """The settings as the user wrote them; raises CoopError with the file's name on the first mistake."""
    path = home.settings_file
    try:
        return msgspec.convert(tomllib.loads(path.read_text("utf-8")), Settings)
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        remedy = f"make {path} readable, or remove it"
    except tomllib.TOMLDecodeError as error:
        why, remedy = f"{path}: {error}", f"correct the TOML in {path}, or remove the file"
    except msgspec.ValidationError as error:
        keys = ", ".join(Settings.__struct_fields__)
        why, remedy = (
            f"{path}: {error}",
            f"the keys are {keys}; [cluster] holds kubeconfig, context, domain, scheme; "
            "[registry] holds address, pulled_as; [dagger] holds cli, engine, images",
        )
    raise CoopError("cannot read the settings", why, remedy, ExitCode.CONFIG)


def expand(path: str) -> Path:
    return Path(path).expanduser()
