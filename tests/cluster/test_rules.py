"""Rules of custom kinds, without a server: what they see, what they may call, what belongs together over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from coop_core.cluster.schemas.rules.compiling import compiled
from coop_core.cluster.schemas.rules.judging import judged

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw
    from coop_core.cluster.validation import Cause

INTEGER: Raw = {"type": "integer"}
STRING: Raw = {"type": "string"}
FIELDS: Raw = {
    "count": INTEGER,
    "ratio": {"type": "number"},
    "name": STRING,
    "namespace": STRING,
    "foo-bar": STRING,
    "foo_bar": STRING,
    "fooBar": STRING,
    "labels": {"type": "object", "additionalProperties": STRING},
    "limits": {"type": "object", "additionalProperties": {"type": "object", "properties": {"cpu": INTEGER}}},
    "ports": {"type": "array", "items": {"type": "object", "properties": {"name": STRING, "port": INTEGER}}},
    "grid": {"type": "array", "items": {"type": "array", "items": INTEGER}},
    "share": {"x-kubernetes-int-or-string": True},
    "since": {"type": "string", "format": "date-time"},
    "every": {"type": "string", "format": "duration"},
    "key": {"type": "string", "format": "byte"},
    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    "gone": {**STRING, "nullable": True},
    "template": {"type": "object", "x-kubernetes-embedded-resource": True},
}
OBJECT: Raw = {
    "apiVersion": "example.com/v1",
    "kind": "Widget",
    "metadata": {"name": "a", "labels": {"x": "y"}},
    "spec": {
        "count": 2, "ratio": 1, "name": "web", "namespace": "main", "foo-bar": "dash", "foo_bar": "line",
        "fooBar": "hump", "labels": {"app": "web"}, "limits": {"small": {"cpu": 1}},
        "ports": [{"name": "http", "port": 80}], "grid": [[1, 2], [3]], "share": "50%",
        "since": "2026-01-02T03:04:05Z", "every": "1h30m", "key": "aGk=", "free": {"anything": 1}, "gone": None,
        "template": {"kind": "Pod", "metadata": {"name": "p"}},
    },
}  # fmt: skip


def causes(rule: Raw, *, new: Raw = OBJECT, old: Raw | None = None, fields: Raw = FIELDS) -> tuple[Cause, ...]:
    """What one rule at the root says; fails when it does not compile."""
    schema = {
        "type": "object",
        "x-kubernetes-validations": [rule],
        "properties": {"spec": {"type": "object", "properties": fields}},
    }
    node, problems = compiled(schema)
    assert not problems, problems
    assert node is not None
    return judged(node, new, old)


def problem(rule: str) -> str:
    """Why a rule does not compile."""
    fields = {"spec": {"type": "object", "properties": FIELDS}}
    _, problems = compiled({"type": "object", "properties": fields, "x-kubernetes-validations": [{"rule": rule}]})
    assert problems, "it compiles"
    return problems[0].message


def why(rule: str, **more: Any) -> str:
    (cause,) = causes({"rule": rule, "message": "m", **more})
    return cause.message


@pytest.mark.parametrize(
    "rule",
    [
        "self.kind == 'Widget' && self.apiVersion == 'example.com/v1' && self.metadata.name == 'a'",
        "self.spec.count == 2 && self.spec.ratio == 1.0",
        "self.spec.count < 2.5 && self.spec.ratio >= 1",
        "self.spec.__namespace__ == 'main' && self.spec.foo__dash__bar == 'dash'",
        "self.spec.foo_bar + self.spec.fooBar == 'linehump'",
        "self.spec.labels['app'] == 'web' && self.spec.labels.app == 'web' && 'app' in self.spec.labels",
        "self.spec.labels.all(k, k.size() < 64 && self.spec.labels[k] != '')",
        "self.spec.limits.small.cpu == 1 && self.spec.limits.all(k, v, v.cpu > 0)",
        "self.spec.ports.exists_one(p, p.name == 'http') && self.spec.ports[0].port == 80",
        "self.spec.ports.map(p, p.port) == [80] && self.spec.ports.filter(p, p.port > 80).size() == 0",
        "self.spec.grid.all(row, row.all(x, x > 0)) && self.spec.grid[1][0] == 3",
        "type(self.spec.share) == string && self.spec.share.matches('^[0-9]+%$')",
        "self.spec.since > timestamp('2026-01-01T00:00:00Z') && self.spec.since.getFullYear() == 2026",
        "self.spec.every == duration('90m')",
        "self.spec.key == b'hi'",
        "has(self.spec.free) && !has(self.spec.gone)",
        "self.spec.?gone.orValue('none') == 'none' && !self.spec.?gone.hasValue()",
        "self.spec.template.kind == 'Pod' && self.spec.template.metadata.name == 'p'",
    ],
)
def test_a_rule_sees_the_object_as_its_schema_says(rule: str) -> None:
    assert causes({"rule": rule}) == ()


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("self.metadata.labels.x == 'y'", "undefined field 'labels'"),
        ("self.spec.free.anything == 1", "undefined field 'anything'"),
        ("self.spec.all(k, k != '')", "cannot be the range of a comprehension"),
        ("'count' in self.spec", "found no matching overload for '@in'"),
        ("self.spec.ports[0].prot == 80", "undefined field 'prot'"),
        ("self.spec.count == '2'", "found no matching overload for '_==_' applied to '(int, string)'"),
        ("self.spec.name.reverse() == 'bew'", "undeclared reference to 'reverse'"),
        ("[1].sort() == [1]", "undeclared reference to 'sort'"),
        ("cel.bind(x, 1, x == 1)", "undeclared reference"),
        ("{'a': 1}.transformMap(k, v, v) == {'a': 1}", "not supported here"),
        ("oldself == self", "undeclared reference to 'oldself'"),
        ("(" * 40 + "true" + ")" * 40, "recursion limit"),
    ],
)
def test_what_a_rule_cannot_see_or_do_it_is_refused_for(rule: str, words: str) -> None:
    assert words in problem(rule)


@pytest.mark.parametrize(
    "rule",
    [
        "quantity('1.5Gi').isGreaterThan(quantity('1G')) && quantity('1') == quantity('1000m')",
        "quantity('50k').add(20).sub(quantity('100k')).sub(-50000) == quantity('20')",
        "isQuantity('1.3Gi') && !isQuantity('200K') && !isQuantity('Mi') && sign(quantity('-1')) == -1",
        "quantity('50k').asInteger() == 50000 && quantity('500m').asApproximateFloat() == 0.5",
        "!quantity('9999999999999999999999999999999999999G').isInteger()",
        "quantity('50M').compareTo(quantity('50Mi')) == -1 && quantity('200M').compareTo(quantity('0.2G')) == 0",
        "ip('127.0.0.1').family() == 4 && ip('::1').isLoopback() && !ip.isCanonical('2001:DB8::ABCD')",
        "isIP('::1') && !isIP(':::1') && !isIP('::ffff:1.2.3.4') && !isIP('fe80::1%eth0') && !isIP('127.0.0.01')",
        "ip('224.0.0.1').isLinkLocalMulticast() && !ip('fd00::1').isLinkLocalMulticast()",
        "ip('192.168.0.1').isGlobalUnicast() && !ip('255.255.255.255').isGlobalUnicast()",
        "cidr('192.168.0.0/24').containsIP('192.168.0.1') && !cidr('10.0.0.0/8').containsIP(ip('11.0.0.1'))",
        "cidr('192.168.0.0/16').containsCIDR('192.168.10.0/24') && cidr('::1/128').prefixLength() == 128",
        "cidr('192.168.0.1/24').masked() == cidr('192.168.0.0/24') && !isCIDR('192.168.0.0/33')",
        "string(cidr('192.168.0.1/24').ip()) == '192.168.0.1' && string(1.5) == '1.5'",
        "url('https://u:p@[::1]:80/p?k=a&k=b#f').getHost() == '[::1]:80' && url('/p').getScheme() == ''",
        "url('https://[::1]:80/').getHostname() == '::1' && url('https://a.b:80/').getPort() == '80'",
        "url('https://a.b/with space/').getEscapedPath() == '/with%20space/'",
        "url('https://a.b/?k=a&k=b').getQuery() == {'k': ['a', 'b']}",
        "isURL('/absolute') && !isURL('../relative') && !isURL('https://a:b:c/')",
        "semver('1.0.0-rc.1').isLessThan(semver('1.0.0')) && semver('v1.02', true) == semver('1.2.0')",
        "semver('1.0.0-rc.2').compareTo(semver('1.0.0-rc.10')) == -1 && semver('1.2.3').minor() == 2",
        "isSemver('1.0.0') && !isSemver('v1.0') && isSemver('v1.0', true) && !isSemver('1.0.0-01')",
        "[1, 2, 2].isSorted() && !['b', 'a'].isSorted() && [1, 3].sum() == 4 && [1.5, 1.0].sum() == 2.5",
        "[2, 1].min() == 1 && ['a', 'b'].max() == 'b' && [duration('1s'), duration('2s')].max() == duration('2s')",
        "[1, 2, 2].indexOf(2) == 1 && [1, 2, 2].lastIndexOf(2) == 2 && [true].indexOf(false) == -1",
        "'abc 123'.find('[0-9]+') == '123' && 'x'.find('[0-9]+') == '' && 'aa'.find('(a)(a)') == 'aa'",
        "'a1b2'.findAll('[a-z]([0-9])') == ['a1', 'b2'] && '1 2 3'.findAll('[0-9]', 2) == ['1', '2']",
        "'abc'.charAt(1) == 'b' && 'a,b'.split(',').join('-') == 'a-b' && ' A '.trim().lowerAscii() == 'a'",
        "'abc'.substring(1, 2) == 'b' && 'aXa'.replace('a', 'b', 1) == 'bXa' && 'abab'.lastIndexOf('a') == 2",
        "'%s is %d'.format(['one', 1]) == 'one is 1' && 'a'.upperAscii() == 'A'",
        "sets.contains([1, 2], [2]) && sets.equivalent([1, 2], [2, 1]) && sets.intersects([1], [1, 2])",
        "[1, 2].exists(i, v, i == 1 && v == 2) && [1, 2].transformList(i, v, i + v) == [1, 3]",
        "optional.of(1).optMap(x, x + 1).value() == 2 && optional.none().or(optional.of(3)).value() == 3",
    ],
)  # fmt: skip
def test_the_functions_of_kubernetes_are_there(rule: str) -> None:
    assert causes({"rule": rule}) == ()


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("self.spec.gone == ''", "no such key: gone evaluating rule: m"),
        ("self.spec.ports[7].port == 1", "index out of bounds: 7 evaluating rule: m"),
        ("self.spec.count / 0 == 1", "division by zero evaluating rule: m"),
        ("self.spec.count * 9223372036854775807 > 0", "integer overflow evaluating rule: m"),
        ("[self.spec.count, 9223372036854775807].sum() > 0", "integer overflow evaluating rule: m"),
        ("self.spec.share > 3", "call arguments did not match a supported operator"),
        ("quantity(self.spec.name) == quantity('1')", "quantities must match the regular expression"),
        ("ip(self.spec.name) == ip('::1')", 'IP Address "web" parse error during conversion from string'),
        ("[].min() == 1", "min called on empty list evaluating rule: m"),
        ("self.spec.name.find('(') == ''", "Illegal regex: ( evaluating rule: m"),
        ("self.spec.name.findAll('x*') == []", "is not supported here: x* evaluating rule: m"),
    ],
)
def test_an_error_in_a_rule_is_told_and_refuses(rule: str, words: str) -> None:
    assert words in why(rule)


def test_a_value_that_is_not_of_its_format_refuses() -> None:
    new = {**OBJECT, "spec": {**OBJECT["spec"], "since": "yesterday"}}
    (cause,) = causes({"rule": "true"}, new=new)
    assert "Invalid date-time formatted string yesterday evaluating rule: true" in cause.message


def test_a_value_beyond_all_bounds_refuses() -> None:
    for field, value in (("ratio", 10**400), ("since", "0001-01-01T00:00:00+23:59")):
        (cause,) = causes({"rule": "true"}, new=spec(**{field: value}))
        assert cause.message.endswith("evaluating rule: true")


def test_what_is_said_against_one_object_has_an_end() -> None:
    numbers = {"type": "array", "items": {**INTEGER, "x-kubernetes-validations": [{"rule": "self > 0"}]}}
    found = causes({"rule": "true"}, new=spec(numbers=[0] * 100_000), fields={"numbers": numbers})
    assert len(found) < 50_000
    assert found[-1].message.endswith("correct the existing errors to complete validation")


def test_the_message_may_be_computed_and_else_is_the_one_written() -> None:
    rule = {"rule": "self.spec.count > 5", "message": "too few"}
    computed = {**rule, "messageExpression": "'only %d'.format([self.spec.count])"}
    assert causes(computed)[0].message == 'Invalid value: "object": only 2'
    failing = {**rule, "messageExpression": "self.spec.gone"}
    assert causes(failing)[0].message == 'Invalid value: "object": too few'
    assert causes({"rule": " self.spec.count > 5 "})[0].message == (
        'Invalid value: "object": failed rule: self.spec.count > 5'
    )


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("FieldValueInvalid", 'Invalid value: "object": no'),
        ("FieldValueForbidden", "Forbidden: no"),
        ("FieldValueRequired", "Required value: no"),
        ("FieldValueDuplicate", 'Duplicate value: "object"'),
    ],
)
def test_the_reason_is_the_one_of_the_rule(reason: str, message: str) -> None:
    (cause,) = causes({"rule": "false", "reason": reason, "message": "no", "fieldPath": ".spec.labels['a.b']"})
    assert (cause.reason, cause.message, cause.field) == (reason, message, "spec.labels[a.b]")


def test_a_rule_with_an_optional_past_is_run_for_new_objects_too() -> None:
    rule = {"rule": "oldSelf.hasValue() ? oldSelf.value().kind == self.kind : self.spec.count > 5",
            "optionalOldSelf": True}  # fmt: skip
    assert len(causes(rule)) == 1
    assert causes(rule, old={**OBJECT, "metadata": {"name": "b"}}) == ()


def of_ports(rule: str, keys: list[str] | None) -> Raw:
    kind = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": keys} if keys else {}
    port = {**INTEGER, "x-kubernetes-validations": [{"rule": rule}]}
    items = {"type": "object", "properties": {"name": STRING, "port": port}}
    return {"ports": {"type": "array", "items": items, **kind}}


def spec(**values: Any) -> Raw:
    return {"spec": values}


def test_the_items_of_a_map_list_are_told_apart_by_their_keys() -> None:
    fields = of_ports("self >= oldSelf", ["name"])
    old = spec(ports=[{"name": "a", "port": 1}, {"name": "b", "port": 9}])
    moved = spec(ports=[{"name": "b", "port": 9}, {"name": "new", "port": 0}, {"name": "a", "port": 1}])
    assert causes({"rule": "true"}, new=moved, old=old, fields=fields) == ()
    less = spec(ports=[{"name": "b", "port": 8}])
    (cause,) = causes({"rule": "true"}, new=less, old=old, fields=fields)
    assert cause.field == "spec.ports[0].port"


def test_the_values_of_a_map_belong_together_by_their_names() -> None:
    grows = {**INTEGER, "x-kubernetes-validations": [{"rule": "self >= oldSelf"}]}
    fields = {"sizes": {"type": "object", "additionalProperties": grows}}
    (cause,) = causes(
        {"rule": "true"}, new=spec(sizes={"a": 1, "b": 0}), old=spec(sizes={"a": 1, "b": 2}), fields=fields
    )
    assert cause.field == "spec.sizes[b]"


@pytest.mark.parametrize("kind", [{"x-kubernetes-list-type": "set"}, {}])
def test_the_order_of_a_set_does_not_count(kind: Raw) -> None:
    fields = {"tags": {"type": "array", "items": STRING, **kind}}
    found = causes(
        {"rule": "self.spec.tags == oldSelf.spec.tags"},
        new=spec(tags=["a", "b"]),
        old=spec(tags=["b", "a"]),
        fields=fields,
    )
    assert bool(found) == (not kind)


def test_what_did_not_change_is_not_judged_again() -> None:
    small = {**INTEGER, "x-kubernetes-validations": [{"rule": "self < 3"}]}
    fields = {"count": small, "name": STRING, "sizes": {"type": "array", "items": small}}
    old = spec(count=9, name="a", sizes=[9])
    assert causes({"rule": "true"}, new={**old, "spec": {**old["spec"], "name": "b"}}, old=old, fields=fields) == ()
    grown = {**old, "spec": {**old["spec"], "sizes": [9, 1]}}
    (cause,) = causes({"rule": "true"}, new=grown, old=old, fields=fields)
    assert cause.field == "spec.sizes[0]"


def test_rules_under_all_of_hold() -> None:
    joint = {"allOf": [{"x-kubernetes-validations": [{"rule": "self > 3"}]}]}
    (cause,) = causes({"rule": "true"}, new=spec(count=1), fields={"count": {**INTEGER, **joint}})
    assert cause.field == "spec.count"


def test_a_rule_with_too_many_rounds_is_stopped() -> None:
    many = spec(grid=[list(range(200))])
    (cause,) = causes({"rule": "self.spec.grid[0].all(x, self.spec.grid[0].all(y, x + y >= 0))"}, new=many)
    assert "no further validation rules will be run due to call cost exceeds limit for rule" in cause.message
