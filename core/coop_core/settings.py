"""The user's settings: `settings.toml` in coop's config folder. Every key is optional; the file is too.

Without a `[cluster]` table, coop works on the local platform.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from coop_core.errors import CoopError, ExitCode
from coop_core.text import one_line

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
    """Names the personal environment, `dev-<user>`. Unset: as the platform last ran, else by Git's identity."""
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
    """The settings as the user wrote them; raises CoopError with file and line of the first mistake."""
    path = home.settings_file
    text = ""
    try:
        text = path.read_text("utf-8")
        return msgspec.convert(tomllib.loads(text), Settings)
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        remedy = f"make {path} readable, or remove it"
    except tomllib.TOMLDecodeError as error:
        why, remedy = f"{path}: {error}", f"correct the TOML in {path}, or remove the file"
    except msgspec.ValidationError as error:
        why, remedy = _mistake(path, text, str(error))
    raise CoopError("cannot read the settings", why, remedy, ExitCode.CONFIG)


_WANTED = {
    "user": 'a name, e.g. "ada"',
    "remote": 'the name of a Git remote, e.g. "origin"',
    "expires": '"never", or hours or days such as "12h" or "30d"',
    "port": "a whole number from 0 to 65535",
    "builder": '"local" or "dagger"',
    "cluster": "a table: [cluster] on a line of its own, its keys below",
    "cluster.kubeconfig": 'a path, e.g. "~/.kube/coop"',
    "cluster.context": "the name of a context in the kubeconfig",
    "cluster.domain": 'a domain, e.g. "apps.example.org"',
    "cluster.scheme": '"https" or "http"',
    "registry": "a table: [registry] on a line of its own, its keys below",
    "registry.address": 'a registry and a path in it, e.g. "ghcr.io/ada"',
    "registry.pulled_as": "the same registry as the cluster calls it",
    "dagger": "a table: [dagger] on a line of its own, its keys below",
    "dagger.cli": "a path",
    "dagger.engine": 'an address, e.g. "tcp://host:1234"',
    "dagger.images": "images by language: python, node, static",
}
"""What each key holds, in the words of an error."""

_UNKNOWN = re.compile(r"unknown field `(.*?)`")
_MISSING = re.compile(r"missing required field `(.*?)`")
_AT = re.compile(r" - at (?:`key` in )?`\$\.?(.*?)`$")


def _mistake(path: Path, text: str, said: str) -> tuple[str, str]:
    """Why these settings cannot be read and what to do, from what the parser said."""
    import difflib  # deferred: only a mistake needs it

    at = _AT.search(said)
    place = ".".join(at[1].split(".")[:2]).partition("[")[0] if at else ""
    if unknown := _UNKNOWN.search(said):
        table = f"{place}." if place else ""
        key = f"{table}{unknown[1]}"
        known = [_last(name) for name in _WANTED if name.rpartition(".")[0] == place]
        # The table's name is right already, and would make any two of its keys look alike.
        near = difflib.get_close_matches(unknown[1], known, n=1, cutoff=0.7)
        why = f'there is no key "{one_line(key, 80)}"'
        remedy = f'did you mean "{table}{near[0]}"? ' if near else ""
        remedy += f"The keys{f' of [{place}]' if place else ''} are {', '.join(known)}"
    elif missing := _MISSING.search(said):
        key, why = place, f"[{place}] needs the key {missing[1]}"
        remedy = f"write there {missing[1]} = …: {_WANTED[f'{place}.{missing[1]}']}"
    else:
        key, why = place, f'"{place}" does not hold what it must'
        remedy = f"write {place} as {_WANTED.get(place, 'a table of settings')}"
    line = _line_of(key, text)
    return f"{path}{f':{line}' if line else ''}: {why}", remedy


def _last(key: str) -> str:
    return key.rpartition(".")[2]


def _line_of(key: str, text: str) -> int | None:
    """The line on which a key, or its table, begins; None when it is written in a way that is not looked for."""
    table, _, name = key.rpartition(".")
    within = ""
    for number, line in enumerate(text.split("\n"), 1):
        if header := re.match(r"\s*\[([^\[\]]+)\]", line):
            within = header[1].strip()
            if within == key:
                return number
        elif within == table and re.match(rf"\s*[\"']?{re.escape(name)}[\"']?\s*=", line):
            return number
    return None


def expand(path: str) -> Path:
    return Path(path).expanduser()
