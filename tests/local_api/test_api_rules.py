"""Rules of custom kinds: what `x-kubernetes-validations` says is law at every write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from coop_core.local.objects import Invalid, Objects
from tests.local_api.test_api_definitions import DEFINITIONS, WIDGETS, definition, version, widget

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw
    from tests.local_api.api_client import Answer, Api

INTEGER: Raw = {"type": "integer"}
STRING: Raw = {"type": "string"}


def with_rules(spec: Raw, *rules: Raw, **root: Any) -> Raw:
    """A definition of widgets whose spec has these fields and rules."""
    whole = {"type": "object", "x-kubernetes-validations": list(rules), "properties": spec}
    schema = {"type": "object", "properties": {"spec": whole}, **root}
    return definition(versions=[version("v1", schema, storage=True, subresources={"status": {}})])


def told(answer: Answer) -> list[tuple[str, str, str]]:
    """Field, reason and message of every cause."""
    assert (answer.code, answer.json["reason"]) == (422, "Invalid"), answer.content
    causes = answer.json["details"]["causes"]
    return [(one["field"], one["reason"], one["message"]) for one in causes]


@pytest.fixture
async def bounded(api: Api) -> Raw:
    """Widgets with a least and a most, and a title that stays."""
    return await api.made(
        DEFINITIONS,
        with_rules(
            {"min": INTEGER, "max": INTEGER, "title": STRING},
            {"rule": "self.min <= self.max", "message": "min must not exceed max", "fieldPath": ".max"},
            {"rule": "!has(oldSelf.title) || self.title == oldSelf.title", "message": "title is immutable",
             "reason": "FieldValueForbidden"},
        ),
    )  # fmt: skip


TOO_MUCH = [("spec.max", "FieldValueInvalid", 'Invalid value: "object": min must not exceed max')]
RENAMED = [("spec", "FieldValueForbidden", "Forbidden: title is immutable")]


async def test_a_new_object_must_meet_the_rules(api: Api, bounded: Raw) -> None:
    assert told(await api.post(WIDGETS, widget(min=2, max=1))) == TOO_MUCH
    await api.made(WIDGETS, widget(min=1, max=2, title="a"))


async def test_every_way_to_change_an_object_is_judged(api: Api, bounded: Raw) -> None:
    made = await api.made(WIDGETS, widget(min=1, max=2, title="a"))
    path = f"{WIDGETS}/a"
    assert told(await api.put(path, {**made, "spec": {"min": 3, "max": 2, "title": "a"}})) == TOO_MUCH
    assert told(await api.patch(path, {"spec": {"min": 3}})) == TOO_MUCH
    step = [{"op": "replace", "path": "/spec/min", "value": 3}]
    assert told(await api.patch(path, step, "json-patch+json")) == TOO_MUCH
    applied = widget(min=3, max=2, title="a")
    assert told(await api.patch(f"{path}?fieldManager=me&force=true", applied, "apply-patch+yaml")) == TOO_MUCH
    assert told(await api.patch(f"{path}?dryRun=All", {"spec": {"min": 3}})) == TOO_MUCH
    assert (await api.get(path)).json["spec"] == {"min": 1, "max": 2, "title": "a"}


async def test_a_dry_run_and_an_apply_of_something_new_are_judged(api: Api, bounded: Raw) -> None:
    assert told(await api.post(f"{WIDGETS}?dryRun=All", widget(min=2, max=1))) == TOO_MUCH
    path = f"{WIDGETS}/b?fieldManager=me"
    assert told(await api.patch(path, widget("b", min=2, max=1), "apply-patch+yaml")) == TOO_MUCH
    assert (await api.get(WIDGETS)).json["items"] == []


async def test_a_rule_about_the_past_holds_for_changes_alone(api: Api, bounded: Raw) -> None:
    await api.made(WIDGETS, widget(min=1, max=2, title="a"))
    assert told(await api.patch(f"{WIDGETS}/a", {"spec": {"title": "b"}})) == RENAMED
    assert (await api.patch(f"{WIDGETS}/a", {"spec": {"max": 3}})).code == 200


async def test_a_controller_is_judged_as_well(api: Api, bounded: Raw, objects: Objects) -> None:
    kind = objects.catalog.named("example.com/v1", "Widget")
    assert kind is not None
    with pytest.raises(Invalid, match="min must not exceed max"):
        objects.create(kind, {**widget(min=2, max=1), "metadata": {"name": "a", "namespace": "main"}})


async def test_the_status_is_judged_too(api: Api) -> None:
    counted = {
        "type": "object",
        "properties": {"count": {**INTEGER, "x-kubernetes-validations": [{"rule": "self >= oldSelf"}]}},
    }
    spec = {"type": "object", "properties": {}}
    schema = {"type": "object", "properties": {"spec": spec, "status": counted}}
    await api.made(
        DEFINITIONS, definition(versions=[version("v1", schema, storage=True, subresources={"status": {}})])
    )
    await api.made(WIDGETS, widget())
    assert (await api.patch(f"{WIDGETS}/a/status", {"status": {"count": 2}})).code == 200
    refused = await api.patch(f"{WIDGETS}/a/status", {"status": {"count": 1}})
    assert told(refused) == [
        ("status.count", "FieldValueInvalid", 'Invalid value: "integer": failed rule: self >= oldSelf')
    ]


async def test_an_object_that_breaks_its_schema_hears_that_rules_were_not_run(api: Api, bounded: Raw) -> None:
    causes = told(await api.post(WIDGETS, widget(min="2", max=1)))
    assert [(field, reason) for field, reason, _ in causes] == [
        ("spec.min", "FieldValueTypeInvalid"),
        ("<nil>", "FieldValueInvalid"),
    ]
    assert "some validation rules were not checked" in causes[1][2]


async def test_what_was_wrong_before_its_rule_does_not_bar_other_changes(api: Api) -> None:
    fields = {"min": INTEGER, "max": INTEGER, "tags": {"type": "array", "items": STRING}, "note": STRING}
    await api.made(DEFINITIONS, with_rules(fields))
    await api.made(WIDGETS, widget(tags=["a"] * 3))
    tight = {**fields["tags"], "x-kubernetes-validations": [{"rule": "size(self) < 3"}]}
    stricter = with_rules({**fields, "tags": tight})
    assert (await api.patch(f"{DEFINITIONS}/widgets.example.com", {"spec": stricter["spec"]})).code == 200
    assert (await api.patch(f"{WIDGETS}/a", {"spec": {"note": "kept"}})).code == 200
    refused = await api.patch(f"{WIDGETS}/a", {"spec": {"tags": ["b"] * 4}})
    assert [field for field, _, _ in told(refused)] == ["spec.tags"]


@pytest.mark.parametrize(
    ("rule", "place", "words"),
    [
        ({"rule": "self.mni > 0"}, "rule", "compilation failed: ERROR: <input>:1:5: undefined field 'mni'"),
        ({"rule": "self.min > 'a'"}, "rule", "found no matching overload for '_>_' applied to '(int, string)'"),
        ({"rule": "self.min >"}, "rule", "compilation failed: ERROR: <input>:1:"),
        ({"rule": "self.min + 1"}, "rule", "cel expression must evaluate to a bool"),
        ({"rule": "format.uuid().validate(self.title).hasValue()"}, "rule", "undeclared reference to 'format'"),
        ({"rule": "true", "messageExpression": "1"}, "messageExpression", "must evaluate to a string"),
        ({"rule": "true", "messageExpression": "self.x"}, "messageExpression", "undefined field 'x'"),
        ({"rule": "true", "optionalOldSelf": True}, "optionalOldSelf", "may not be set if oldSelf is not used"),
        ({"rule": " "}, "rule", "rule is not specified"),
        ({"rule": "true", "message": "a\nb"}, "message", "must not contain line breaks"),
        ({"rule": "true ||\ntrue"}, "message", "message must be specified if rule contains line breaks"),
        ({"rule": "true", "reason": "Because"}, "reason", "supported values:"),
        ({"rule": "true", "fieldPath": ".nope"}, "fieldPath", "must be a valid path"),
    ],
)
async def test_a_definition_whose_rule_cannot_work_is_refused(api: Api, rule: Raw, place: str, words: str) -> None:
    ((field, _, message),) = told(await api.post(DEFINITIONS, with_rules({"min": INTEGER, "title": STRING}, rule)))
    at = "spec.versions[0].schema.openAPIV3Schema.properties[spec].x-kubernetes-validations[0]"
    assert field == f"{at}.{place}"
    assert words in message


async def test_the_items_of_a_plain_list_have_no_past(api: Api) -> None:
    items = {**INTEGER, "x-kubernetes-validations": [{"rule": "self >= oldSelf"}]}
    ((field, _, message),) = told(
        await api.post(DEFINITIONS, with_rules({"sizes": {"type": "array", "items": items}}))
    )
    assert field.endswith("properties[spec].properties[sizes].items.x-kubernetes-validations[0].rule")
    assert "oldSelf cannot be used on the uncorrelatable portion of the schema within spec.versions[0]" in message


async def test_a_rule_under_any_of_is_refused(api: Api) -> None:
    either = {"min": {**INTEGER, "anyOf": [{"x-kubernetes-validations": [{"rule": "true"}]}]}}
    ((field, reason, _),) = told(await api.post(DEFINITIONS, with_rules(either)))
    assert field.endswith("properties[min].anyOf[0].x-kubernetes-validations")
    assert reason == "FieldValueForbidden"
