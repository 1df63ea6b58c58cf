"""The API server of the local platform: listening, and the way of a request from its path to its handler.

Every error leaves as a Kubernetes Status. Nothing is logged about a request but unforeseen failures, and of those
no header and no body.
"""

from __future__ import annotations

import logging
import time
from email.utils import formatdate
from typing import TYPE_CHECKING

from aiohttp import web

from coop_core.cluster import requests
from coop_core.cluster.kinds import POD
from coop_core.cluster.requests import BadPath
from coop_core.local.api import access, discovery, openapi, statuses, swagger
from coop_core.local.api.logs import LogHandler
from coop_core.local.api.representing import answer, answer_json
from coop_core.local.api.requests import Call, is_true, read_query
from coop_core.local.api.resources import ResourceHandlers
from coop_core.local.api.reviews import ReviewHandlers
from coop_core.local.api.statuses import Refused
from coop_core.local.api.watching import Watches

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coop_core.cluster.requests import Target, Verb
    from coop_core.local.api.logs import PodLogs
    from coop_core.local.catalog import Catalog
    from coop_core.local.objects import Objects
    from coop_core.local.tls import Certificate
    from coop_core.local.tokens import Identity, Tokens

log = logging.getLogger(__name__)

_HEALTH = ("/healthz", "/livez", "/readyz")


class ApiServer:
    """A Kubernetes-shaped HTTPS server on loopback."""

    def __init__(self, objects: Objects, *, tokens: Tokens, certificate: Certificate, logs: PodLogs) -> None:
        self._tokens = tokens
        self._catalog = objects.catalog
        self._certificate = certificate
        self._watches = Watches(objects.store)
        self._resources = ResourceHandlers(objects, self._watches)
        self._reviews = ReviewHandlers(tokens)
        self._logs = LogHandler(objects, logs)
        self._runner: web.ServerRunner | None = None
        self.port = 0
        """The port it listens on, once started."""

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listens; port 0 takes a free one. Raises OSError when the port is taken."""
        server = web.Server(
            self._serve,
            access_log=None,
            # A watch whose client went away ends now, not at its next event.
            handler_cancellation=True,
            # A small compressed body may hide a huge one; compressed bodies are refused.
            auto_decompress=False,
            max_line_size=16 * 1024,
            # Of a refused request, no more than this is read on.
            lingering_time=2.0,
        )
        runner = web.ServerRunner(server, shutdown_timeout=1.0)
        await runner.setup()
        site = web.TCPSite(runner, host, port, ssl_context=self._certificate.server_context())
        try:
            await site.start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self.port = int(runner.addresses[0][1])

    async def close(self) -> None:
        """Ends open watches in good order, then stops listening."""
        self._watches.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _serve(self, http: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self._route(http)
        except Refused as refused:
            return statuses.response(refused)
        except (ConnectionResetError, TimeoutError):
            raise
        except OSError as refused:  # a full disk is no bug: the client is told, and the log stays short
            log.error("a request failed: %s: %s", http.method, refused)
            why = refused.strerror or type(refused).__name__
            return statuses.response(Refused(500, "InternalError", f"Internal error occurred: {why}", {}))
        except Exception:  # the server's own door: a bug in one handler is that client's 500, and goes to the log
            log.exception("a request failed: %s", http.method)
            return statuses.response(Refused(500, "InternalError", "Internal error occurred", {}))

    async def _route(self, http: web.BaseRequest) -> web.StreamResponse:
        access.check_host(http)
        path, _, query_text = http.raw_path.partition("?")
        if path in _HEALTH:
            _only_get(http)
            return web.Response(text="ok")
        identity = access.authenticate(http, self._tokens)
        found = discover(self._catalog, path.rstrip("/"), http.headers)
        if found is not None:
            _only_get(http)
            return found
        try:
            target = requests.parse(path)
        except BadPath:
            raise statuses.no_such_path() from None
        query = read_query(query_text)
        verb = requests.verb(http.method, target, watch=is_true(query, "watch"))
        if verb is None:
            raise statuses.method_not_allowed()
        if not access.is_allowed(identity, verb, target):
            raise statuses.forbidden(identity, verb, target)
        return await self._handle(http, identity, target, verb, query)

    async def _handle(
        self, http: web.BaseRequest, identity: Identity, target: Target, verb: Verb, query: dict[str, str]
    ) -> web.StreamResponse:
        if self._reviews.knows(target):
            return await self._reviews.serve(http, identity, target, verb)
        kind = self._catalog.find(target.group, target.version, target.resource)
        if kind is None or (target.namespace and not kind.namespaced):
            raise statuses.no_such_path()
        call = Call(http, identity, target, kind, query, self._catalog.custom(kind))
        if target.subresource == "log" and kind == POD:
            return await self._logs.serve(call, verb)
        return await self._resources.serve(call, verb)


def discover(catalog: Catalog, path: str, headers: Mapping[str, str]) -> web.Response | None:
    """The answer to a path that tells what there is; None for every other path."""
    accept = headers.get("Accept", "")
    parts = path.split("/")[1:]
    match parts:
        case ["version"]:
            return answer_json(discovery.VERSION)
        case ["api" | "apis" as root] if discovery.wants_aggregated(accept):
            response = answer_json(discovery.aggregated(catalog.all, root == "api"))
            response.headers["Content-Type"] = discovery.AGGREGATED_TYPE
            response.headers["Vary"] = "Accept"
            return response
        case ["api"]:
            return answer_json(discovery.api_versions())
        case ["apis"]:
            return answer_json(discovery.groups(catalog.all))
        case ["api", version]:
            found = discovery.resources(catalog.all, "", version)
        case ["apis", group]:
            found = discovery.group(catalog.all, group)
        case ["apis", group, version]:
            found = discovery.resources(catalog.all, group, version)
        case ["openapi", "v2"]:
            return _swagger(catalog, accept, headers.get("If-None-Match", ""))
        case ["openapi", "v3", *rest]:
            return _openapi(catalog, "/".join(rest))
        case _:
            return None
    if found is None:
        raise statuses.no_such_path()
    return answer_json(found)


def _swagger(catalog: Catalog, accept: str, known: str) -> web.Response:
    """known: the ETag of what the client has kept."""
    as_protobuf = swagger.wants_protobuf(accept)
    document = swagger.document(catalog, as_protobuf=as_protobuf)
    response = answer(b"", 304) if known == document.etag else answer(document.body)
    response.headers["ETag"] = document.etag
    response.headers["Vary"] = "Accept"
    if as_protobuf:
        response.headers["Content-Type"] = swagger.PROTOBUF
    return response


def _openapi(catalog: Catalog, path: str) -> web.Response:
    if not path:
        return answer_json(openapi.index(catalog))
    document = openapi.document(catalog, path)
    if document is None:
        raise statuses.no_such_path()
    response = answer(document)
    # The address has the document's hash in it.
    response.headers["Cache-Control"] = "public, immutable"
    response.headers["Expires"] = formatdate(time.time() + 365 * 24 * 3600, usegmt=True)
    return response


def _only_get(http: web.BaseRequest) -> None:
    if http.method != "GET":
        raise statuses.method_not_allowed()
