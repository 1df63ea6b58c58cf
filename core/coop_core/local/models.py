"""The schemas of the built-in kinds, taken from the models of the `kubernetes` client.

The models are read as text, one class at a time and only those that are asked for: importing them all takes a
second and a hundred megabytes, reading one takes a millisecond.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coop_core.cluster import kinds, patches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from coop_core.cluster.kinds import Kind, Raw

REFERENCE = "#/components/schemas/"
_INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_OWN: dict[str, Raw] = {
    _INT_OR_STRING: {
        "x-kubernetes-int-or-string": True,
        "format": "int-or-string",
        "description": "A number or a word.",
    },
    _QUANTITY: {"x-kubernetes-int-or-string": True, "format": "quantity", "description": 'An amount, e.g. "500m".'},
}
"""Types that the models write as plain strings."""
_CUSTOM = (kinds.APPLICATION, kinds.APP_PROJECT)
_PREFIXED = {
    ("", "Event"): "CoreV1Event",
    ("events.k8s.io", "Event"): "EventsV1Event",
}
_QUANTITIES = {
    "allocatable", "allocatedResources", "averageValue", "capacity", "default", "defaultRequest", "divisor", "hard",
    "limits", "max", "maxLimitRequestRatio", "maximumVolumeSize", "min", "overhead", "podFixed", "requests",
    "sizeLimit", "used",
}  # fmt: skip
"""Fields whose strings are amounts, which manifests often write as numbers."""
_ITEM_KEYS: dict[str, tuple[str, ...]] = {
    "V1Container": ("name",),
    "V1EphemeralContainer": ("name",),
    "V1ContainerPort": ("containerPort", "protocol"),
    "V1ServicePort": ("port", "protocol"),
    "V1EnvVar": ("name",),
    "V1Volume": ("name",),
    "V1VolumeMount": ("mountPath",),
    "V1VolumeMountStatus": ("mountPath",),
    "V1VolumeDevice": ("devicePath",),
    "V1LocalObjectReference": ("name",),
    "V1ObjectReference": ("name",),
    "V1HostAlias": ("ip",),
    "V1PodIP": ("ip",),
    "V1HostIP": ("ip",),
    "V1TopologySpreadConstraint": ("topologyKey", "whenUnsatisfiable"),
    "V1OwnerReference": ("uid",),
    "V1NodeAddress": ("type",),
    "V1ValidatingWebhook": ("name",),
    "V1MutatingWebhook": ("name",),
    "V1MatchCondition": ("name",),
    "V1Variable": ("name",),
    "V1PodResourceClaim": ("name",),
    "V1PodSchedulingGate": ("name",),
}
"""By what the items of a list are told apart when several managers own parts of it; the models do not say.

Source: the listMapKey marks of Kubernetes' Go types.
"""
_WHOLE = ("V1LabelSelector", "V1SecretKeySelector", "V1ConfigMapKeySelector", "V1ObjectFieldSelector",
          "V1ResourceFieldSelector", "V1RoleRef", "V1ObjectReference", "V1TypedLocalObjectReference")  # fmt: skip
"""Types of which somebody owns all or nothing."""
_RETAINED = ("volumes", "resourceClaims", "V1DeploymentStrategy")
"""Fields and types of which a strategic merge keeps only what the patch names: they are one of several things."""
_CLASS = re.compile(r"V(?P<version>[0-9]+(?:(?:alpha|beta)[0-9]+)?)(?P<name>[A-Z].*)")


def schema_of(kind: Kind) -> Raw | None:
    """The schema of a built-in kind; None for one that the models do not know."""
    name = model_name(kind)
    return (
        None
        if kind.is_custom or kind in _CUSTOM or name not in _modules()
        else resolve(REFERENCE + public_name(name))
    )


def model_name(kind: Kind) -> str:
    """The class that the client has for a kind."""
    return _PREFIXED.get((kind.group, kind.name), f"{kind.version.capitalize()}{kind.name}")


def public_name(model: str) -> str:
    """The schema's name for a model: kubectl shows what comes after the last dot."""
    found = _CLASS.search(model)
    if found is None:
        return f"io.k8s.{model}"
    prefix = model[: found.start()].lower()
    return f"io.k8s.{f'{prefix}.' if prefix else ''}v{found['version']}.{found['name']}"


def resolve(reference: str) -> Raw:
    """The schema behind a `$ref`. Raises LookupError when there is none."""
    name = reference.removeprefix(REFERENCE)
    return _OWN[name] if name in _OWN else _schema(_by_public_name()[name])


def closure(names: Iterable[str]) -> dict[str, Raw]:
    """All schemas that these refer to, by name, over however many steps."""
    waiting = [reference.removeprefix(REFERENCE) for reference in names]
    found: dict[str, Raw] = {}
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = resolve(name)
            waiting += references(found[name])
    return {name: _with_descriptions(schema, found) for name, schema in found.items()}


def _with_descriptions(schema: Raw, known: dict[str, Raw]) -> Raw:
    """A field of which the models say nothing is described as its type is."""
    fields = {
        name: {"description": known[field["$ref"].removeprefix(REFERENCE)].get("description", ""), **field}
        if "$ref" in field
        else field
        for name, field in schema.get("properties", {}).items()
    }
    return {**schema, **({"properties": fields} if fields else {})}


def references(schema: Any) -> Iterator[str]:
    """The names of the schemas that this one refers to."""
    if isinstance(schema, dict):
        for name, value in schema.items():
            if name == "$ref" and isinstance(value, str):
                yield value.removeprefix(REFERENCE)
            else:
                yield from references(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from references(item)


@cache
def _folder() -> Path:
    found = find_spec("kubernetes")
    assert found is not None and found.submodule_search_locations
    return Path(found.submodule_search_locations[0]) / "client" / "models"


@cache
def _modules() -> dict[str, str]:
    """Where each class is."""
    text = (_folder() / "__init__.py").read_text(encoding="utf-8")
    found = re.findall(r"^ *from kubernetes\.client\.models\.(\w+) import (\w+)", text, re.MULTILINE)
    return {name: module for module, name in found}


@cache
def _by_public_name() -> dict[str, str]:
    return {public_name(model): model for model in _modules()}


@cache
def _schema(model: str) -> Raw:
    """The schema of one class."""
    text = (_folder() / f"{_modules()[model]}.py").read_text(encoding="utf-8")
    head = text[text.index(f"class {model}(") :].partition("    openapi_types:")[0]
    tree = ast.parse(head).body[0]
    assert isinstance(tree, ast.ClassDef)
    properties: Raw = {}
    needed: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name, described = _field_call(node)
            properties[name] = {**_type(node.annotation, name), **described}
            if _is_needed(node):
                needed.append(name)
    about = (ast.get_docstring(tree) or "").partition("\n\nAttributes:")[0].strip()
    return {
        "type": "object",
        "description": about,
        "properties": properties,
        **({"required": needed} if needed else {}),
    }


def _is_needed(node: ast.AnnAssign) -> bool:
    """Whether the model has no value of its own for the field."""
    if isinstance(node.value, ast.Call):
        return not any(keyword.arg == "default" for keyword in node.value.keywords)
    return node.value is None


def _field_call(node: ast.AnnAssign) -> tuple[str, Raw]:
    """A field's name on the wire, and its description."""
    assert isinstance(node.target, ast.Name)
    given: dict[str, str] = {}
    if isinstance(node.value, ast.Call):
        for keyword in node.value.keywords:
            if keyword.arg in ("serialization_alias", "alias", "description") and isinstance(
                keyword.value, ast.Constant
            ):
                given[keyword.arg] = str(keyword.value.value)
    name = given.get("serialization_alias") or given.get("alias") or node.target.id
    return name, {"description": given["description"]} if "description" in given else {}


_PLAIN: dict[str, Raw] = {
    "StrictStr": {"type": "string"},
    "StrictInt": {"type": "integer"},
    "StrictBool": {"type": "boolean"},
    "StrictFloat": {"type": "number"},
    "datetime": {"type": "string", "format": "date-time"},
    "bytes": {"type": "string", "format": "byte"},
    "StrictBytes": {"type": "string", "format": "byte"},
}


def _list_type(item: ast.expr, field: str) -> Raw:
    """What Kubernetes says about merging a list; a list of which nothing is said is replaced whole."""
    name = item.id if isinstance(item, ast.Name) else ""
    keys = _ITEM_KEYS.get(name) or (("type",) if name.endswith("Condition") else ())
    merged = {"x-kubernetes-patch-strategy": "merge,retainKeys" if field in _RETAINED else "merge"}
    if field in patches.PRIMITIVE_SETS:
        return {"x-kubernetes-list-type": "set", **merged}
    if not keys:
        return {}
    listed = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}
    is_merged = keys[0] in patches.MERGE_KEYS.get(field, ())
    return {**listed, **merged, "x-kubernetes-patch-merge-key": keys[0]} if is_merged else listed


def _type(annotation: ast.expr, field: str) -> Raw:
    """What a type annotation says; what it says in no way that is known here may be anything."""
    match annotation:
        case ast.Subscript(value=ast.Name(id="Optional"), slice=inner):
            return _type(inner, field)
        case ast.Subscript(value=ast.Name(id="List"), slice=inner):
            return {"type": "array", "items": _type(inner, field), **_list_type(inner, field)}
        case ast.Subscript(value=ast.Name(id="Dict"), slice=ast.Tuple(elts=[_, ast.Name(id="Any")])):
            return {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        case ast.Subscript(value=ast.Name(id="Dict"), slice=ast.Tuple(elts=[_, inner])):
            whole = {"x-kubernetes-map-type": "atomic"} if field in ("selector", "nodeSelector") else {}
            return {"type": "object", "additionalProperties": _type(inner, field), **whole}
        case ast.Name(id=name) if name == "StrictStr" and field in _QUANTITIES:
            return {"$ref": REFERENCE + _QUANTITY}
        case ast.Name(id=name) if name in _PLAIN:
            return _PLAIN[name]
        case ast.Name(id=name) if name in _modules():
            whole = {"x-kubernetes-map-type": "atomic"} if name in _WHOLE else {}
            retained = {"x-kubernetes-patch-strategy": "retainKeys"} if name in _RETAINED else {}
            return {"$ref": REFERENCE + public_name(name), **whole, **retained}
        case ast.BinOp() if ast.unparse(annotation) == "StrictInt | StrictStr":
            return {"$ref": REFERENCE + _INT_OR_STRING}
        case _:
            return {"x-kubernetes-preserve-unknown-fields": True}
