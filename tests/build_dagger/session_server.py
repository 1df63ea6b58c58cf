"""A server that speaks the engine's GraphQL as `dagger session` does, and does as it is told.

It validates every query, remembers what it was asked, and gives objects ids that stand for the calls that made
them. Nothing is built; a "digest" is a hash of the calls and of the uploaded files.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import encode_basic_auth, web
from graphql import (
    FieldNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    build_schema,
    get_named_type,
    graphql_sync,
    is_object_type,
    parse,
    validate,
    value_from_ast_untyped,
)

from tests.build_dagger import spans

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphql import DocumentNode, GraphQLSchema

WHOLE_SCHEMA = Path(
    os.environ.get("DAGGER_SCHEMA", Path(__file__).parents[3] / "shared" / "data" / "dagger-0.21.8.graphqls")
)
SUBSET = Path(__file__).with_name("subset.graphql")

VERSION = "v0.21.8"
TOKEN = "session-token-5f2c"

Chain = tuple["Call", ...]


@dataclass(frozen=True)
class Call:
    """One field of Dagger's API, with its arguments."""

    field: str
    args: dict[str, Any]


@dataclass
class Fault:
    """What goes wrong, once, when `on` is reached, e.g. "Container.sync". do: hang, drop, 502, garbage, error.

    until: a file; once it is there, what hangs goes on as if nothing had been.
    """

    on: str
    do: str
    message: str = "it failed"
    extensions: dict[str, Any] = field(default_factory=dict)
    until: str = ""


def exec_fault(on: str, command: list[str], exit_code: int = 1, *, stdout: str = "", stderr: str = "") -> Fault:
    """A step that ran and failed, as the engine reports it."""
    extensions = {"_type": "EXEC_ERROR", "cmd": command, "exitCode": exit_code, "stdout": stdout, "stderr": stderr}
    return Fault(on, "error", f"exit code: {exit_code} [traceparent:00-{'a' * 32}-{'b' * 16}-01]", extensions)


@functools.cache
def schema() -> GraphQLSchema:
    return build_schema((WHOLE_SCHEMA if WHOLE_SCHEMA.exists() else SUBSET).read_text("utf-8"))


@functools.cache
def _introspected(query: str) -> bytes:
    return json.dumps({"data": graphql_sync(schema(), query).data}).encode()


class SessionServer:
    """faults: taken from the front. told: called with a line for what happens, e.g. to keep it in a file."""

    def __init__(self, faults: list[Fault] | None = None, *, checks: bool = True) -> None:
        self.faults = faults or []
        self.version = VERSION
        self.port = 0
        self.invalid: list[str] = []
        self.reached: list[tuple[str, Chain]] = []
        """Every call that makes the engine do something: ("Container.publish", the calls that lead there)."""
        self.uploads: list[dict[str, str]] = []
        self.given_up = 0
        self.spans_to = ""
        self.on_reached: Callable[[str], None] = lambda name: None
        self.on_published: Callable[[str, dict[str, str]], None] = lambda digest, files: None
        self._checks = checks
        self._objects: dict[str, Chain] = {}
        self._runner: web.AppRunner | None = None
        self._parsed: dict[str, DocumentNode] = {}

    async def start(self) -> None:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/query", self._answer)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        if self._runner:
            await self._runner.cleanup()

    def calls(self, name: str) -> list[Chain]:
        """How `name` was reached, each time, with ids replaced by what they stand for."""
        return [self.expanded(chain) for reached, chain in self.reached if reached == name]

    def expanded(self, chain: Chain) -> Chain:
        return tuple(Call(c.field, {key: self._expand(value) for key, value in c.args.items()}) for c in chain)

    def _expand(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._expand(inner) for inner in value]
        if isinstance(value, str) and value in self._objects:
            return [[call.field, call.args] for call in self.expanded(self._objects[value])]
        return value

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != encode_basic_auth(TOKEN, ""):
            return web.Response(status=401)
        query = (await request.json())["query"]
        if "__schema" in query:
            return web.Response(body=_introspected(query), content_type="application/json")
        document = parse(query)
        if self._checks and (errors := validate(schema(), document)):
            self.invalid += [error.message for error in errors]
            return web.json_response({"errors": [{"message": error.message} for error in errors]})
        [operation] = document.definitions
        assert isinstance(operation, OperationDefinitionNode)
        try:
            data = await self._select(operation.selection_set.selections, "Query", ())
        except _Failed as failed:
            return await self._fail(failed.fault, request)
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        if self.spans_to:
            await spans.send(self.spans_to, request.headers.get("traceparent", ""), self.reached[-1:])
        return web.json_response({"data": data})

    async def _fail(self, fault: Fault, request: web.Request) -> web.StreamResponse:
        match fault.do:
            case "drop":
                assert request.transport is not None
                request.transport.close()
                return web.Response()
            case "502":
                return web.Response(status=502, text="http do: Post http://dagger/query: exit status 137")
            case "garbage":
                return web.Response(text="<html>")
            case _:
                error = {"message": fault.message, "path": ["container"], "extensions": fault.extensions}
                return web.json_response({"data": None, "errors": [error]})

    async def _select(self, selections: Any, type_name: str, chain: Chain) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for selected in selections:
            if isinstance(selected, InlineFragmentNode):
                name = selected.type_condition.name.value if selected.type_condition else type_name
                data |= await self._select(selected.selection_set.selections, name, chain)
                continue
            assert isinstance(selected, FieldNode)
            key = selected.alias.value if selected.alias else selected.name.value
            data[key] = await self._field(selected, type_name, chain)
        return data

    async def _field(self, node: FieldNode, type_name: str, chain: Chain) -> Any:
        name = node.name.value
        args = {arg.name.value: value_from_ast_untyped(arg.value) for arg in node.arguments or ()}
        if name == "node":
            assert node.selection_set is not None
            return await self._select(node.selection_set.selections, "Node", self._objects[args["id"]])
        longer = (*chain, Call(name, args))
        type_ = schema().get_type(type_name)
        assert is_object_type(type_)
        made = get_named_type(type_.fields[name].type)
        if node.selection_set is not None:
            return await self._select(node.selection_set.selections, made.name, longer)
        return await self._value(f"{type_name}.{name}", chain, longer)

    async def _value(self, name: str, made_by: Chain, chain: Chain) -> str:
        if name.endswith(".id"):
            return self._id(made_by)
        self.reached.append((name, chain))
        self.on_reached(name)
        if self.faults and self.faults[0].on == name:
            fault = self.faults.pop(0)
            if fault.do != "hang":
                raise _Failed(fault)
            while not (fault.until and Path(fault.until).exists()):
                await asyncio.sleep(0.02)
        if name == "Query.version":
            return self.version
        if name == "Container.publish":
            digest = self._digest(made_by)
            self.on_published(digest, self.uploads[-1])
            return f"{chain[-1].args['address']}@sha256:{digest}"
        assert name.endswith(".sync"), name
        if made_by[-1].field == "directory":
            made_by = (*made_by[:-1], self._uploaded(made_by[-1]))
        return self._id(made_by)

    def _uploaded(self, call: Call) -> Call:
        root = Path(call.args["path"])
        files = {path.relative_to(root).as_posix(): path for path in sorted(root.rglob("*")) if path.is_file()}
        self.uploads.append({name: path.read_text(errors="replace") for name, path in files.items()})
        return Call(call.field, {**call.args, "files": self.uploads[-1]})

    def _id(self, chain: Chain) -> str:
        for known, there in self._objects.items():
            if there == chain:
                return known
        made = f"object-{len(self._objects)}"
        self._objects[made] = chain
        return made

    def _digest(self, chain: Chain) -> str:
        kept = [[c.field, c.args] for c in self.expanded(chain) if c.field != "withRegistryAuth"]
        return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


class _Failed(Exception):
    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.do)
        self.fault = fault
