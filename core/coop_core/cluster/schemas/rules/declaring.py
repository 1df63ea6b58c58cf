"""The type of `self`, so that a rule is checked against the schema before any object is.

An object of the schema is declared as a message of its own; whether a field exists and what may be done with it is
then the engine's to say. Messages are for checking alone: rules run on plain maps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf import descriptor_pb2, descriptor_pool, duration_pb2, struct_pb2, timestamp_pb2

from coop_core.cluster.schemas.rules import fields

if TYPE_CHECKING:
    from coop_core.cluster.kinds import Raw

_Field = descriptor_pb2.FieldDescriptorProto
_KNOWN = (duration_pb2, struct_pb2, timestamp_pb2)
_PACKAGE = "object"
_SCALARS = {
    "bool": _Field.TYPE_BOOL,
    "int": _Field.TYPE_INT64,
    "double": _Field.TYPE_DOUBLE,
    "string": _Field.TYPE_STRING,
    "bytes": _Field.TYPE_BYTES,
}
_MESSAGES = {
    "timestamp": ".google.protobuf.Timestamp",
    "duration": ".google.protobuf.Duration",
    "dyn": ".google.protobuf.Value",
}
_ANY_LIST, _ANY_MAP = ".google.protobuf.ListValue", ".google.protobuf.Struct"
_FORMATS = {"byte": "bytes", "duration": "duration", "date": "timestamp", "date-time": "timestamp"}


class Declarations:
    """The types of one schema's parts. opaque: messages without fields, by full name."""

    def __init__(self, opaque: tuple[str, ...] = ()) -> None:
        self._opaque = opaque
        self._file = descriptor_pb2.FileDescriptorProto(name="schema", package=_PACKAGE, syntax="proto2")
        self._file.dependency.extend(known.DESCRIPTOR.name for known in _KNOWN)
        self._types: dict[tuple[int, bool], str] = {}

    def pool(self) -> descriptor_pool.DescriptorPool:
        """All that was declared so far."""
        pool = descriptor_pool.DescriptorPool()
        for known in _KNOWN:
            pool.AddSerializedFile(known.DESCRIPTOR.serialized_pb)
        pool.AddSerializedFile(self._file.SerializeToString())
        for number, name in enumerate(self._opaque):
            package, _, last = name.rpartition(".")
            file = descriptor_pb2.FileDescriptorProto(name=f"opaque{number}", package=package, syntax="proto2")
            file.message_type.add(name=last)
            pool.AddSerializedFile(file.SerializeToString())
        return pool

    def type_of(self, schema: Raw, *, is_object: bool = False) -> str:
        """A type as CEL writes one, e.g. "list<int>"; "" for what rules do not see, for lack of a type.

        is_object: whether this is a whole object, with kind and names. The schema must live as long as this does.
        """
        key = (id(schema), is_object)
        if key not in self._types:
            self._types[key] = self._type_of(schema, is_object)
        return self._types[key]

    def _type_of(self, schema: Raw, is_object: bool) -> str:
        if schema.get("x-kubernetes-int-or-string") is True:
            return "dyn"
        match schema.get("type"):
            case "array":
                inner = self._below(fields.items(schema))
                return inner and f"list<{inner}>"
            case "object":
                values = fields.others(schema)
                if values:
                    inner = self._below(values)
                    return inner and f"map<string, {inner}>"
                return self._message(fields.as_object(schema) if is_object else schema)
            case "string":
                return _FORMATS.get(str(schema.get("format")), "string")
            case "boolean":
                return "bool"
            case "number":
                return "double"
            case "integer":
                return "int"
            case _:
                return ""

    def _below(self, schema: Raw | None) -> str:
        return self.type_of(schema, is_object=fields.is_embedded(schema)) if schema else ""

    def _message(self, schema: Raw) -> str:
        message = descriptor_pb2.DescriptorProto()
        for name, inner in fields.properties(schema).items():
            spelled = fields.escaped(name)
            type_ = self._below(inner)
            if spelled and type_:
                self._add_field(message, spelled, type_, inner)
        # Named last: the messages of its fields have been added by now.
        message.name = f"Object{len(self._file.message_type)}"
        self._file.message_type.append(message)
        return f"{_PACKAGE}.{message.name}"

    def _add_field(self, message: descriptor_pb2.DescriptorProto, name: str, type_: str, schema: Raw) -> None:
        number = len(message.field) + 1
        field = message.field.add(name=name, number=number, json_name=str(number), label=_Field.LABEL_OPTIONAL)
        if type_.startswith("list<"):
            inner = self._below(fields.items(schema))
            if _is_single(inner):
                field.label = _Field.LABEL_REPEATED
                _set_type(field, inner)
            else:
                _set_message(field, _ANY_LIST)
        elif type_.startswith("map<"):
            self._set_map(message, field, self._below(fields.others(schema)))
        else:
            _set_type(field, type_)

    def _set_map(
        self, message: descriptor_pb2.DescriptorProto, field: descriptor_pb2.FieldDescriptorProto, inner: str
    ) -> None:
        entry_name = f"{_camel(field.name)}Entry"
        if not _is_single(inner) or entry_name in [one.name for one in message.nested_type]:
            _set_message(field, _ANY_MAP)
            return
        entry = message.nested_type.add(name=entry_name)
        entry.options.map_entry = True
        entry.field.add(name="key", number=1, type=_Field.TYPE_STRING, label=_Field.LABEL_OPTIONAL)
        _set_type(entry.field.add(name="value", number=2, label=_Field.LABEL_OPTIONAL), inner)
        field.label = _Field.LABEL_REPEATED
        # The message has no name yet; without a dot in front, a name is looked up from inside.
        _set_message(field, entry_name)


def _is_single(type_: str) -> bool:
    """Whether a message can have a list or map of it; of what it cannot, no more is known than that."""
    return not type_.startswith(("list<", "map<"))


def _set_type(field: descriptor_pb2.FieldDescriptorProto, type_: str) -> None:
    if type_ in _SCALARS:
        field.type = _SCALARS[type_]
    else:
        _set_message(field, _MESSAGES.get(type_, f".{type_}"))


def _set_message(field: descriptor_pb2.FieldDescriptorProto, name: str) -> None:
    field.type, field.type_name = _Field.TYPE_MESSAGE, name


def _camel(name: str) -> str:
    """A field's name as the name of its map's entries has it."""
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))
