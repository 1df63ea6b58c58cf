"""The subset of the schema that tests use elsewhere says what the whole one says."""

from __future__ import annotations

import pytest
from graphql import GraphQLInterfaceType, GraphQLObjectType, build_schema, is_required_argument

from tests.build_dagger.session_server import SUBSET, WHOLE_SCHEMA

needs_whole = pytest.mark.skipif(
    not WHOLE_SCHEMA.exists(), reason="Dagger's whole schema is not here: name its file in DAGGER_SCHEMA"
)


@needs_whole
def test_every_field_of_the_subset_is_in_the_whole_schema_with_the_same_types() -> None:
    whole, subset = (build_schema(path.read_text("utf-8")) for path in (WHOLE_SCHEMA, SUBSET))
    compared = 0
    for name, type_ in subset.type_map.items():
        if name.startswith("__") or not isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            continue
        theirs = whole.get_type(name)
        assert isinstance(theirs, GraphQLObjectType | GraphQLInterfaceType), name
        for field_name, field in type_.fields.items():
            other = theirs.fields[field_name]
            assert str(field.type) == str(other.type), f"{name}.{field_name}"
            for argument, described in field.args.items():
                assert str(described.type) == str(other.args[argument].type), f"{name}.{field_name}({argument})"
            compared += 1
    assert compared > 25


@needs_whole
def test_an_argument_that_coop_leaves_out_may_be_left_out() -> None:
    whole, subset = (build_schema(path.read_text("utf-8")) for path in (WHOLE_SCHEMA, SUBSET))
    for name, type_ in subset.type_map.items():
        theirs = whole.get_type(name)
        if name.startswith("__") or not isinstance(type_, GraphQLObjectType):
            continue
        assert isinstance(theirs, GraphQLObjectType)
        for field_name, field in type_.fields.items():
            for argument, described in theirs.fields[field_name].args.items():
                assert argument in field.args or not is_required_argument(described), f"{name}.{field_name}"
