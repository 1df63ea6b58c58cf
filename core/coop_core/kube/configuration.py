"""From a kubeconfig, or from the identity that a pod has, to where the API is and who we are to it.

Plain kubeconfigs (CA, token, token file, client certificate) are read here. The rest (exec plugins, OIDC,
auth providers) goes to the kubernetes package, which costs 0.6 s to import.
"""

from __future__ import annotations

import base64
import binascii
import os
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from coop_core.errors import CoopError, ExitCode
from coop_core.kube.failures import unusable
from coop_core.kube.identities import FixedToken, PluginIdentity, TokenFile
from coop_core.text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coop_core.kube.identities import Identity

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_PLUGIN_KEYS = ("exec", "auth-provider", "username")


@dataclass(frozen=True, slots=True, repr=False)
class Access:
    """Where the API is and who we are. Has no repr, as it holds an identity."""

    server: str
    """Without a trailing slash, e.g. "https://127.0.0.1:6443"."""
    identity: Identity
    tls: ssl.SSLContext | None = None
    """None for plain http."""
    namespace: str = "default"
    server_name: str | None = None
    """The name in the server's certificate when it is not the host in `server`."""
    http_proxy: str | None = None

    def __repr__(self) -> str:
        return f"Access({self.server!r})"


def in_cluster(environ: Mapping[str, str] | None = None, folder: Path = SERVICE_ACCOUNT) -> Access:
    """The identity of the service account that this process runs under in a pod."""
    env = os.environ if environ is None else environ
    host, port = env.get("KUBERNETES_SERVICE_HOST", ""), env.get("KUBERNETES_SERVICE_PORT", "")
    if not host or not port or not (folder / "token").is_file():
        raise CoopError(
            "cannot reach a platform",
            "this process does not run in a pod, and no kubeconfig was given",
            "coop platform up",
            ExitCode.PLATFORM,
        )
    namespace_file = folder / "namespace"
    return Access(
        server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        identity=TokenFile(folder / "token"),
        tls=_trusting(ca_file=folder / "ca.crt"),
        namespace=namespace_file.read_text().strip() if namespace_file.is_file() else "default",
    )


async def from_kubeconfig(path: Path, context: str | None = None) -> Access:
    """What a context (None: the current one) of a kubeconfig says."""
    config = _load(path)
    name = context or _text(config, "current-context") or _unusable_now(path, "it has no current-context")
    chosen = _named(config, "context", name, path)
    cluster = _named(config, "cluster", _text(chosen, "cluster"), path)
    user_name = _text(chosen, "user")
    user = _named(config, "user", user_name, path) if user_name else {}
    namespace = _text(chosen, "namespace") or "default"
    if any(user.get(key) for key in _PLUGIN_KEYS):
        return await _through_plugin(path, name, namespace)
    server = _server(cluster, path)
    return Access(
        server=server,
        identity=_identity(user, path),
        tls=_tls(cluster, user, path) if server.startswith("https:") else None,
        namespace=namespace,
        server_name=_text(cluster, "tls-server-name") or None,
        http_proxy=_text(cluster, "proxy-url") or None,
    )


def _load(path: Path) -> dict[str, Any]:
    from coop_core import yamls

    try:
        text = path.read_bytes()
    except FileNotFoundError as error:
        raise CoopError(
            "cannot reach the platform", f"there is no kubeconfig at {path}", "coop platform up", ExitCode.PLATFORM
        ) from error
    except OSError as error:
        raise unusable(f"{path} cannot be read ({error.strerror})") from error
    config = yamls.load(text, str(path))
    if not isinstance(config, dict):
        raise unusable(f"{path} is not a kubeconfig")
    return config


def _named(config: dict[str, Any], what: str, name: str, path: Path) -> dict[str, Any]:
    for entry in config.get(what + "s") or []:
        if isinstance(entry, dict) and entry.get("name") == name and isinstance(entry.get(what), dict):
            found: dict[str, Any] = entry[what]
            return found
    raise unusable(f"{path} has no {what} named {one_line(name, 60)!r}")


def _text(mapping: dict[str, Any], key: str) -> str:
    value = mapping.get(key)
    return value if isinstance(value, str) else ""


def _server(cluster: dict[str, Any], path: Path) -> str:
    server = _text(cluster, "server").rstrip("/")
    parts = urlsplit(server)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise unusable(f"the server in {path} is not an http(s) URL")
    return server


def _identity(user: dict[str, Any], path: Path) -> Identity:
    if token_file := _text(user, "tokenFile"):
        return TokenFile(path.parent / token_file)
    return FixedToken(_text(user, "token") or None)


def _tls(cluster: dict[str, Any], user: dict[str, Any], path: Path) -> ssl.SSLContext:
    ca_file = _text(cluster, "certificate-authority")
    ca_data = _decoded(cluster, "certificate-authority-data", path)
    context = _trusting(ca_file=path.parent / ca_file if ca_file and not ca_data else None, ca_data=ca_data)
    if cluster.get("insecure-skip-tls-verify") is True:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    _identify(context, user, path)
    return context


def _identify(context: ssl.SSLContext, user: dict[str, Any], path: Path) -> None:
    """Loads a client certificate; Python only takes it from files, so inline keys pass through a private folder."""
    certificate = _decoded(user, "client-certificate-data", path)
    key = _decoded(user, "client-key-data", path)
    try:
        with tempfile.TemporaryDirectory(prefix="coop-") as folder:
            certificate_file, key_file = Path(folder) / "cert", Path(folder) / "key"
            if certificate:
                certificate_file.write_bytes(certificate)
            elif file := _text(user, "client-certificate"):
                certificate_file = path.parent / file
            else:
                return
            if key:
                key_file.touch(mode=0o600)
                key_file.write_bytes(key)
            elif file := _text(user, "client-key"):
                key_file = path.parent / file
            context.load_cert_chain(certificate_file, key_file)
    except (OSError, ssl.SSLError) as error:
        raise unusable(f"the client certificate in {path} cannot be used") from error


def _decoded(mapping: dict[str, Any], key: str, path: Path) -> bytes:
    try:
        return base64.b64decode(_text(mapping, key), validate=True)
    except (binascii.Error, ValueError) as error:
        raise unusable(f"{key} in {path} is not base64") from error


def _trusting(*, ca_file: Path | None = None, ca_data: bytes = b"") -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(
            cafile=str(ca_file) if ca_file else None, cadata=ca_data.decode("ascii") if ca_data else None
        )
    except (OSError, ssl.SSLError, UnicodeDecodeError) as error:
        raise unusable("the certificate authority of the platform cannot be read") from error
    # Many clusters' own CAs lack the key identifiers that Python 3.13 began to insist on; Go does not ask for them.
    context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
    return context


async def _through_plugin(path: Path, context: str, namespace: str) -> Access:
    from kubernetes.aio.client import Configuration
    from kubernetes.aio.config import ConfigException
    from kubernetes.aio.config.kube_config import KubeConfigLoader

    try:
        loader: Any = KubeConfigLoader(  # type: ignore[no-untyped-call]  # the package has no types
            _load(path), active_context=context, config_base_path=str(path.parent)
        )
        configuration = Configuration()
        await loader.load_and_set(configuration)
    except (ConfigException, ValueError, KeyError, OSError) as error:
        raise unusable(f"the credentials of context {one_line(context, 60)!r} in {path} cannot be had") from error
    server = str(configuration.host).rstrip("/")
    tls = None
    if server.startswith("https:"):
        tls = _trusting(ca_file=Path(configuration.ssl_ca_cert) if configuration.ssl_ca_cert else None)
        if not configuration.verify_ssl:
            tls.check_hostname = False
            tls.verify_mode = ssl.CERT_NONE
        if configuration.cert_file:
            tls.load_cert_chain(configuration.cert_file, configuration.key_file)
    return Access(
        server=server,
        identity=PluginIdentity(loader, configuration),
        tls=tls,
        namespace=namespace,
        server_name=configuration.tls_server_name or None,
        http_proxy=configuration.proxy or None,
    )


def _unusable_now(path: Path, why: str) -> str:
    raise unusable(f"{path}: {why}")
