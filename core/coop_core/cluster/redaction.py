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

_SECRET_NAME = re.compile(
    r"pass(wd|word|phrase|code)?($|[^a-z])|passw|secret|token|credential|api[-_.]?key|private($|[-_.])"
    r"|private[-_.]?key|access[-_.]?key|signing[-_.]?key|encryption[-_.]?key|session[-_.]?key|auth($|[-_.])|cookie"
    r"|(^|[-_.])(pwd|dsn|salt|pin|creds?)($|[-_.])|(^|[-_.])(key|sig|signature)$"
    r"|conn(ection)?[-_.]?str(ing)?($|[-_.])|database[-_.]?url",
    re.IGNORECASE,
)
_COPY_NAME = re.compile(r"last-applied.*|applied|original.*")
"""Of an annotation, behind its prefix: tools keep whole objects under these, values and all."""

# Every pattern below reads any text in linear time: users write the text, and all users wait meanwhile.
_SHAPES = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*"
    r"|(?<![\w-])[\w-]{8,}+\.eyJ[\w-]{5,}+\.[\w-]*+"  # a JWT
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bAIza[\w-]{30,}"
    r"|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{15,}|\bxox[abprs]-[\w-]{10,}"
    r"|\bcoop_[\w-]{20,}|\bdckr_pat_[\w-]{15,}|\bsk-[\w-]{20,}|\b[rs]k_(?:live|test)_\w{10,}"
    r"|\bnpm_\w{30,}|\bpypi-[\w-]{16,}|\bhvs\.[\w-]{20,}|\bSG\.[\w-]{16,}|(?<=hooks\.slack\.com/)[\w/-]+"
    r"|(?<=[Bb]earer )[\w.~+/-]{8,}=*|(?<=[Aa]uthorization: [Bb]asic )[\w+/-]+=*"
)
_URL_LOGIN = re.compile(
    r"(?P<scheme>\b[a-z][a-z0-9+.-]{0,30}://)"
    # The second way is for passwords with a slash in them; a port with a path behind it is none.
    r"(?:[^\s/'\"<>]{1,1024}|[^\s/@:'\"<>]{0,256}+:(?![0-9]{1,5}/)[^\s@'\"<>]{1,256}+)@",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"(?<![\w.-])(?P<name>[\w.-]++)(?:=(?P<quote>[\"'])?|\\{0,3}+\"\s{0,4}+:\s{0,4}+\\{0,3}+(?P<json>\"))"
)
"""What stands before a value: `name=`, `name="`, `"name": "`, also inside a JSON string."""
_VALUES = {
    "json": re.compile(r"(?:[^\"\\]++|\\.)++", re.DOTALL),
    '"': re.compile(r"[^\"]++"),
    "'": re.compile(r"[^']++"),
    None: re.compile(r"[^\s&#;'\"<>]++"),
}
_SUSPICIOUS = re.compile(
    r"=|://|\"|\.eyJ|-----B|A[KS]IA|AIza|gh[pousr]_|github_|glpat-|xox|coop_|dckr_|sk-|[rs]k_|npm_|pypi-|hvs\.|SG\."
    r"|hooks\.|earer |asic "
)
"""What has none of this none of the patterns finds anything in: nearly all text, and twenty times as fast."""
_FLAG = re.compile(r"(?P<flag>-{0,2}(?P<name>[\w.-]{1,64})=)(?P<value>.+)", re.DOTALL)
_FLAG_IN_TEXT = re.compile(r"(?P<lead>(?<![\w.-])(?P<name>--?[\w.]++[\w.-]*+)\s++)(?P<value>(?!-)[^\s;&|<>]++)")
_TEXT_LIMIT = 64 * 1024


def scrub(text: str) -> str:
    """`text` with what known shapes and names say is secret hidden: URL logins, tokens, `password=...`."""
    cut = text[:_TEXT_LIMIT]
    if not _SUSPICIOUS.search(cut):
        return cut
    return _SHAPES.sub(HIDDEN, _without_named(_URL_LOGIN.sub(rf"\g<scheme>{HIDDEN}@", cut)))


def _without_named(text: str) -> str:
    """`text` without the values that stand behind secret-looking names."""
    pieces, done = [], 0
    for found in _NAMED.finditer(text):
        if found.start() < done or not _SECRET_NAME.search(found["name"]):
            continue
        value = _VALUES["json" if found["json"] else found["quote"]].match(text, found.end())
        if value is not None:
            pieces += [text[done : found.end()], HIDDEN]
            done = value.end()
    return "".join([*pieces, text[done:]])


def shown(body: Raw) -> Raw:
    """An object of any kind but Application, as a developer may see it."""
    return {key: value if key in ("apiVersion", "kind") else _field(key, value) for key, value in body.items()}


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


def _annotations(annotations: Raw) -> Raw:
    return {
        name: HIDDEN if _SECRET_NAME.search(name.rpartition("/")[2]) else _scrubbed(value)
        for name, value in annotations.items()
        if not _COPY_NAME.fullmatch(name.rpartition("/")[2])
    }


def _field(key: str, value: Any) -> Any:
    """A value by what its name says it is, however deep it lies: every kind's pod template has the same words."""
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, dict):
        if key == "metadata":
            return metadata(value)
        if key in ("volumeAttributes", "options"):
            return {name: HIDDEN if isinstance(one, str) else one for name, one in value.items()}
        return {name: _field(name, one) for name, one in value.items()}
    if not isinstance(value, list):
        return value
    if key in ("command", "args"):
        return _arguments(value)
    if key in ("env", "httpHeaders"):
        return [_named(one) for one in value]
    return _scrubbed(value)


def _named(entry: Any) -> Any:
    """A variable or a header."""
    if not isinstance(entry, dict) or not isinstance(entry.get("value"), str):
        return _scrubbed(entry)
    name = str(entry.get("name", ""))
    is_secret = _SECRET_NAME.search(name) or "authorization" in name.lower()
    return {**entry, "value": HIDDEN if is_secret and entry["value"] else scrub(entry["value"])}


def _arguments(arguments: list[Any]) -> list[Any]:
    """Hides the value of "--password=x", and the argument after "--password"."""
    result: list[Any] = []
    hide_next = False
    for argument in arguments:
        if not isinstance(argument, str):
            result.append(_scrubbed(argument))
            continue
        flag = _FLAG.fullmatch(argument)
        if hide_next and not argument.startswith("-"):
            result.append(HIDDEN)
        elif flag and _SECRET_NAME.search(flag["name"]):
            result.append(flag["flag"] + HIDDEN)
        else:
            # A whole command line may be in there, for a shell.
            result.append(scrub(_FLAG_IN_TEXT.sub(_flag, argument)))
        hide_next = argument.startswith("-") and not flag and bool(_SECRET_NAME.search(argument))
    return result


def _flag(found: re.Match[str]) -> str:
    return found["lead"] + HIDDEN if _SECRET_NAME.search(found["name"]) else found[0]


def _scrubbed(value: Any) -> Any:
    """A value of no particular name."""
    return [_field("", one) for one in value] if isinstance(value, list) else _field("", value)


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
