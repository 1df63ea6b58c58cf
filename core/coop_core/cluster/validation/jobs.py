"""Jobs, and the CronJobs that make them.

Source: Kubernetes pkg/apis/batch/validation.
"""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import TYPE_CHECKING

from coop_core.cluster import cron, indexes
from coop_core.cluster.causes import Cause, invalid, required, unsupported
from coop_core.cluster.validation.pods import pod_spec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coop_core.cluster.kinds import Raw

_COUNTS = ("parallelism", "completions", "backoffLimit", "activeDeadlineSeconds", "backoffLimitPerIndex",
           "maxFailedIndexes", "ttlSecondsAfterFinished")  # fmt: skip
_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
_OPERATORS = ("In", "NotIn")
_STATUSES = ("False", "True", "Unknown")
_REPLACEMENTS = ("Failed", "TerminatingOrFailed")
_MOST_RULES, _MOST_VALUES = 20, 255
_MOST_INDEXES = 100_000
"""Kubernetes warns above that. Here, each is held in memory."""
_INDEXES = re.compile(r"[0-9]{1,9}(-[0-9]{1,9})?(,[0-9]{1,9}(-[0-9]{1,9})?)*")


def job(body: Raw) -> Iterator[Cause]:
    yield from _job_spec("spec", body["spec"])


def cron_job(body: Raw) -> Iterator[Cause]:
    spec = body["spec"]
    try:
        cron.parse(spec.get("schedule") or "", spec.get("timeZone") or "")
    except cron.BadSchedule as error:
        yield invalid("spec.schedule", f'"{(spec.get("schedule") or "")[:64]}"', str(error))
    policies = ("Allow", "Forbid", "Replace")
    if spec["concurrencyPolicy"] not in policies:
        yield unsupported("spec.concurrencyPolicy", spec["concurrencyPolicy"], policies)
    yield from _job_spec("spec.jobTemplate.spec", spec["jobTemplate"]["spec"])


def _job_spec(field: str, spec: Raw) -> Iterator[Cause]:
    for name in _COUNTS:
        if (spec.get(name) or 0) < 0:
            yield invalid(f"{field}.{name}", str(spec[name]), "must be greater than or equal to 0")
    pod = spec["template"]["spec"]
    yield from pod_spec(f"{field}.template.spec", pod)
    place, policy = f"{field}.template.spec.restartPolicy", pod["restartPolicy"]
    if policy not in ("OnFailure", "Never"):
        yield unsupported(place, policy, ("OnFailure", "Never"))
    for name in ("podFailurePolicy", "backoffLimitPerIndex"):
        if spec.get(name) is not None and policy != "Never":
            yield invalid(place, f'"{policy}"', f'only "Never" is supported when {name} is specified')
    yield from _replacement(field, spec)
    yield from _indexed(field, spec)
    if spec.get("podFailurePolicy") is not None:
        yield from _failure_policy(f"{field}.podFailurePolicy", spec)
    if spec.get("successPolicy") is not None:
        yield from _success_policy(f"{field}.successPolicy", spec)


def _replacement(field: str, spec: Raw) -> Iterator[Cause]:
    given = spec.get("podReplacementPolicy")
    known = _REPLACEMENTS if spec.get("podFailurePolicy") is None else ("Failed",)
    if given is not None and given not in known:
        yield unsupported(f"{field}.podReplacementPolicy", given, known)


def _indexed(field: str, spec: Raw) -> Iterator[Cause]:
    limit, most, whole = (spec.get(name) for name in ("backoffLimitPerIndex", "maxFailedIndexes", "completions"))
    if spec.get("completionMode") == "Indexed":
        if whole is None:
            yield required(f"{field}.completions", "when completion mode is Indexed")
        elif whole > _MOST_INDEXES:
            yield invalid(f"{field}.completions", str(whole), f"must be less than or equal to {_MOST_INDEXES}")
        elif most is not None and most > whole:
            yield invalid(f"{field}.maxFailedIndexes", str(most), "must be less than or equal to completions")
        if most is not None and limit is None:
            yield required(f"{field}.backoffLimitPerIndex", "when maxFailedIndexes is specified")
        return
    for name in ("backoffLimitPerIndex", "maxFailedIndexes"):
        if spec.get(name) is not None:
            yield invalid(f"{field}.{name}", str(spec[name]), "requires indexed completion mode")
    if spec.get("successPolicy") is not None:
        yield invalid(f"{field}.successPolicy", '"successPolicy"', "requires indexed completion mode")


def _failure_policy(field: str, spec: Raw) -> Iterator[Cause]:
    rules = spec["podFailurePolicy"].get("rules") or []
    if len(rules) > _MOST_RULES:
        yield _too_many(f"{field}.rules", len(rules), _MOST_RULES)
    pod = spec["template"]["spec"]
    names = {one["name"] for group in ("containers", "initContainers") for one in pod.get(group) or []}
    for index, rule in enumerate(rules):
        place, action = f"{field}.rules[{index}]", rule.get("action") or ""
        if not action:
            yield required(f"{place}.action", f"valid values: {json.dumps(_ACTIONS)}")
        elif action not in _ACTIONS:
            yield unsupported(f"{place}.action", action, _ACTIONS)
        elif action == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
            yield invalid(f"{place}.action", f'"{action}"', "requires the backoffLimitPerIndex to be set")
        codes, conditions = rule.get("onExitCodes"), rule.get("onPodConditions")
        if codes is not None and conditions:
            yield Cause(
                "FieldValueInvalid",
                "Invalid value: specifying both OnExitCodes and OnPodConditions is not supported",
                place,
            )
        if codes is None and not conditions:
            why = "Invalid value: specifying one of OnExitCodes and OnPodConditions is required"
            yield Cause("FieldValueInvalid", why, place)
        if codes is not None:
            yield from _exit_codes(f"{place}.onExitCodes", codes, names)
        yield from _conditions(f"{place}.onPodConditions", conditions or [])


def _exit_codes(field: str, codes: Raw, names: set[str]) -> Iterator[Cause]:
    operator, values, name = codes.get("operator") or "", codes.get("values") or [], codes.get("containerName")
    if operator not in _OPERATORS:
        yield unsupported(f"{field}.operator", operator, _OPERATORS)
    if name is not None and name not in names:
        why = "must be one of the container or initContainer names in the pod template"
        yield invalid(f"{field}.containerName", f'"{name}"', why)
    if not values:
        yield invalid(f"{field}.values", "[]", "at least one value is required")
    if len(values) > _MOST_VALUES:
        yield _too_many(f"{field}.values", len(values), _MOST_VALUES)
        return
    for index, value in enumerate(values):
        if operator == "In" and value == 0:
            yield invalid(f"{field}.values[{index}]", "0", "must not be 0 for the In operator")
        if value in values[:index]:
            yield Cause("FieldValueDuplicate", f"Duplicate value: {value}", f"{field}.values[{index}]")
    if any(one > other for one, other in pairwise(values)):
        yield invalid(f"{field}.values", json.dumps(values), "must be ordered")


def _conditions(field: str, patterns: list[Raw]) -> Iterator[Cause]:
    if len(patterns) > _MOST_RULES:
        yield _too_many(field, len(patterns), _MOST_RULES)
    for index, pattern in enumerate(patterns):
        if not pattern.get("type"):
            yield required(f"{field}[{index}].type")
        status = pattern.get("status") or "True"  # in a CronJob, defaults come later
        if status not in _STATUSES:
            yield unsupported(f"{field}[{index}].status", status, _STATUSES)


def _success_policy(field: str, spec: Raw) -> Iterator[Cause]:
    rules, whole = spec["successPolicy"].get("rules") or [], spec.get("completions")
    if not rules:
        why = "at least one rules must be specified when the successPolicy is specified"
        yield required(f"{field}.rules", why)
    if len(rules) > _MOST_RULES:
        yield _too_many(f"{field}.rules", len(rules), _MOST_RULES)
    if spec.get("completionMode") != "Indexed" or whole is None or whole > _MOST_INDEXES:
        return
    for index, rule in enumerate(rules):
        yield from _success_rule(f"{field}.rules[{index}]", rule, whole)


def _success_rule(field: str, rule: Raw, whole: int) -> Iterator[Cause]:
    count, text = rule.get("succeededCount"), rule.get("succeededIndexes")
    if count is None and text is None:
        yield required(field, "at least one of succeededCount or succeededIndexes must be specified")
    if text is not None:
        mistake = _bad_indexes(text, whole)
        if mistake:
            yield invalid(
                f"{field}.succeededIndexes", json.dumps(text), f"error parsing succeededIndexes: {mistake}"
            )
    if count is None:
        return
    named = len(indexes.parse(text, below=whole)) if text is not None else whole
    what = "the number of specified completions"
    if count < 0:
        yield invalid(f"{field}.succeededCount", str(count), "must be greater than or equal to 0")
    if count > whole:
        yield invalid(f"{field}.succeededCount", str(count), f"must be less than or equal to {whole} ({what})")
    elif count > named:
        what = "the number of indexes in the specified succeededIndexes field"
        yield invalid(f"{field}.succeededCount", str(count), f"must be less than or equal to {named} ({what})")


def _bad_indexes(text: str, whole: int) -> str:
    """What is wrong with indexes written as "1,3-5"; "" when they rise, and are all below `whole`."""
    if not text:
        return ""
    if not _INDEXES.fullmatch(text) or len(text) > 64 * 1024:
        return "cannot convert string to integer for index"
    last = -1
    for part in text.split(","):
        numbers = [int(one) for one in part.split("-")]
        if numbers[0] <= last or numbers[-1] < numbers[0]:
            return f'non-increasing order, previous: {last}, current: "{part}"'
        last = numbers[-1]
        if last >= whole:
            return f'too large index: "{last}"'
    return ""


def _too_many(field: str, given: int, most: int) -> Cause:
    return Cause("FieldValueTooMany", f"Too many: {given}: must have at most {most} items", field)
