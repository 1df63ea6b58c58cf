"""What of an object may be shown to a developer: secrets hidden, Applications projected to a fixed view.

Pure; never changes what it is given. Names stay where values are hidden, as clients' models insist on them. Text
that programs write (messages, arguments) is searched for known shapes of secrets, which is best effort.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from coop_core.cluster.kinds import Raw

HIDDEN = "[hidden by coop]"

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

_SECRET_NAME = re.compile(
    r"pass(wd|word|phrase|code)?($|[^a-z])|passw|secret|token|credential|api[-_.]?key|private[-_.]?key"
    r"|access[-_.]?key|signing[-_.]?key|encryption[-_.]?key|auth($|[-_.])|(^|[-_.])(pwd|dsn|salt|pin)($|[-_.])"
    r"|cookie|session[-_.]?key|connection[-_.]?string|database[-_.]?url",
    re.IGNORECASE,
)
_SHAPES = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*"
    r"|\beyJ[\w-]{5,}\.eyJ[\w-]{5,}\.[\w-]*"  # a JWT
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{15,}|\bxox[abprs]-[\w-]{10,}"
    r"|\bcoop_[\w-]{20,}|\bdckr_pat_[\w-]{15,}|\bsk-[\w-]{20,}|\bAIza[\w-]{30,}"
    r"|(?<=[Bb]earer )[\w.~+/-]{8,}=*"
)
_URL_LOGIN = re.compile(r"(?P<scheme>\b[a-z][a-z0-9+.-]{0,30}://)[^\s/@'\"<>]{1,1024}@", re.IGNORECASE)
_FLAG = re.compile(r"(?P<flag>--?(?P<name>[\w.-]{1,64})=)(?P<value>.+)", re.DOTALL)
_POD_LISTS = ("containers", "initContainers", "ephemeralContainers")
_TEXT_LIMIT = 64 * 1024


def scrub(text: str) -> str:
    """`text` with logins in URLs and known shapes of secrets hidden."""
    cut = text[:_TEXT_LIMIT]
    return _SHAPES.sub(HIDDEN, _URL_LOGIN.sub(rf"\g<scheme>{HIDDEN}@", cut))


def shown(body: Raw) -> Raw:
    """An object of any kind but Application, as a developer may see it."""
    result = {key: value for key, value in body.items() if key not in ("metadata", "spec", "status")}
    for key in ("message", "note"):  # events
        if isinstance(result.get(key), str):
            result[key] = scrub(result[key])
    if isinstance(body.get("metadata"), dict):
        result["metadata"] = metadata(body["metadata"])
    if "spec" in body:
        result["spec"] = _spec(body["spec"])
    if "status" in body:
        result["status"] = _scrubbed(body["status"])
    return result


def metadata(its: Raw) -> Raw:
    """Metadata without the fields that copy the object or tell of its writers."""
    result = {key: value for key, value in its.items() if key != "managedFields"}
    if isinstance(its.get("annotations"), dict):
        result["annotations"] = _annotations(its["annotations"])
    return result


def application(body: Raw) -> Raw:
    """An Application reduced to what coop's views need; anything not named here does not pass."""
    status = _mapping(body.get("status"))
    reduced: Raw = {
        "apiVersion": body.get("apiVersion"),
        "kind": body.get("kind"),
        "metadata": metadata(_mapping(body.get("metadata"))),
        "spec": _application_spec(_mapping(body.get("spec"))),
        "status": {key: show(status[key]) for key, show in _APPLICATION_STATUS.items() if key in status},
    }
    if operation := _mapping(body.get("operation")):
        reduced["operation"] = {"sync": _picked(_mapping(operation.get("sync")), "revision", "prune")}
    return {key: value for key, value in reduced.items() if value is not None}


def destination(body: Raw) -> str:
    """The namespace that an Application deploys to, "" when it names none."""
    value = _mapping(_mapping(body.get("spec")).get("destination")).get("namespace")
    return value if isinstance(value, str) else ""


def _annotations(annotations: Raw) -> Raw:
    return {
        name: HIDDEN if _SECRET_NAME.search(name.rpartition("/")[2]) else _scrubbed(value)
        for name, value in annotations.items()
        if name != LAST_APPLIED
    }


def _spec(spec: Any) -> Any:
    """A pod's spec, or one with a pod template in it; others pass with their text searched."""
    if not isinstance(spec, dict):
        return spec
    result = {key: value if key in _POD_LISTS else _scrubbed(value) for key, value in spec.items()}
    for key in _POD_LISTS:
        if isinstance(spec.get(key), list):
            result[key] = [_container(container) for container in spec[key]]
    template = spec.get("template")
    if isinstance(template, dict):
        result["template"] = {
            **template,
            "metadata": metadata(_mapping(template.get("metadata"))),
            "spec": _spec(template.get("spec")),
        }
    return result


def _container(container: Any) -> Any:
    if not isinstance(container, dict):
        return container
    result = {key: _scrubbed(value) for key, value in container.items()}
    for key in ("command", "args"):
        if isinstance(container.get(key), list):
            result[key] = _arguments(container[key])
    if isinstance(container.get("env"), list):
        result["env"] = [_variable(variable) for variable in container["env"]]
    return result


def _variable(variable: Any) -> Any:
    if not isinstance(variable, dict) or not isinstance(variable.get("value"), str):
        return variable
    is_secret = _SECRET_NAME.search(str(variable.get("name", "")))
    return {**variable, "value": HIDDEN if is_secret and variable["value"] else scrub(variable["value"])}


def _arguments(arguments: list[Any]) -> list[Any]:
    """Hides the value of "--password=x", and the argument after "--password"."""
    result: list[Any] = []
    hide_next = False
    for argument in arguments:
        if not isinstance(argument, str):
            result.append(argument)
            continue
        flag = _FLAG.fullmatch(argument)
        if hide_next and not argument.startswith("-"):
            result.append(HIDDEN)
        elif flag and _SECRET_NAME.search(flag["name"]):
            result.append(flag["flag"] + HIDDEN)
        else:
            result.append(scrub(argument))
        hide_next = argument.startswith("-") and not flag and bool(_SECRET_NAME.search(argument))
    return result


def _scrubbed(value: Any) -> Any:
    """Every string in a JSON value scrubbed."""
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, list):
        return [_scrubbed(one) for one in value]
    if isinstance(value, dict):
        return {key: _scrubbed(one) for key, one in value.items()}
    return value


def _mapping(value: Any) -> Raw:
    return value if isinstance(value, dict) else {}


def _picked(body: Raw, *names: str) -> Raw:
    return {name: _scrubbed(body[name]) for name in names if name in body}


def _each(show: Callable[[Raw], Raw]) -> Callable[[Any], Any]:
    return lambda value: [show(one) for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _only(*names: str) -> Callable[[Any], Any]:
    return lambda value: _picked(_mapping(value), *names)


_SOURCE = _only("repoURL", "targetRevision", "path", "chart")


def _application_spec(spec: Raw) -> Raw:
    reduced = _picked(spec, "project", "revisionHistoryLimit")
    reduced["destination"] = _picked(_mapping(spec.get("destination")), "server", "name", "namespace")
    if "source" in spec:
        reduced["source"] = _SOURCE(spec["source"])
    if "sources" in spec:
        reduced["sources"] = _each(_SOURCE)(spec["sources"])
    policy = _mapping(spec.get("syncPolicy"))
    if automated := policy.get("automated"):
        reduced["syncPolicy"] = {"automated": _only("enabled", "prune", "selfHeal", "allowEmpty")(automated)}
    return reduced


def _operation_state(value: Any) -> Any:
    state = _mapping(value)
    reduced = _picked(state, "phase", "message", "startedAt", "finishedAt", "retryCount")
    sync = _mapping(_mapping(state.get("operation")).get("sync"))
    reduced["operation"] = {"sync": _picked(sync, "revision")}
    if result := _mapping(state.get("syncResult")):
        reduced["syncResult"] = _picked(result, "revision")
        if "resources" in result:
            reduced["syncResult"]["resources"] = _each(_RESULT)(result["resources"])
    return reduced


_RESULT = _only(
    "group", "version", "kind", "namespace", "name", "status", "message", "hookPhase", "hookType", "syncPhase"
)

_APPLICATION_STATUS: dict[str, Callable[[Any], Any]] = {
    "sync": _only("status", "revision", "revisions"),
    "health": _only("status", "message", "lastTransitionTime"),
    "operationState": _operation_state,
    "resources": _each(_only("group", "version", "kind", "namespace", "name", "status", "health",
                             "requiresPruning", "hook", "syncWave")),
    "history": _each(_only("id", "revision", "deployStartedAt", "deployedAt")),
    "summary": _only("images", "externalURLs"),
    "conditions": _each(_only("type", "message", "lastTransitionTime")),
    "reconciledAt": _scrubbed,
    "sourceType": _scrubbed,
}  # fmt: skip
