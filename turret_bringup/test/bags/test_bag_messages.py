# SPDX-License-Identifier: Apache-2.0
"""Messages recorded with older versions of their types, and definitions as text."""

from __future__ import annotations

import struct

import pytest

from turret_bringup.bags.messages import converter
from turret_common.messages.cdr import Codec, CodecError
from turret_common.messages.definitions import parse
from turret_common.messages.schema import Array, Primitive, Sequence, Text, same_layout

RULE = '=' * 80
OLD = f"""# What an axis does.
std_msgs/Header header   # when
uint8 STATE_UNKNOWN=0
uint8 STATE_MOVING = 4    # a constant with spaces
string<=20 name
float64 position          # [rad]
Part[] parts
float32[3] gone
byte[<=4] some
{RULE}
MSG: std_msgs/Header
builtin_interfaces/Time stamp
string frame_id
{RULE}
MSG: builtin_interfaces/Time
int32 sec
uint32 nanosec
{RULE}
MSG: my_msgs/Part
uint16 number
bool old
"""
NEW = OLD.replace('float32[3] gone\n', '').replace('bool old', 'float64 new 1.5\nbool old').replace(
    'float64 position', 'float32 velocity 0.5\nfloat64 position')


def test_a_type_is_read_from_its_text() -> None:
    kind = parse(OLD, 'my_msgs/msg/Axis')
    assert kind.name == 'my_msgs/msg/Axis'
    assert [field.name for field in kind.fields] == ['header', 'name', 'position', 'parts', 'gone', 'some']
    types = {field.name: field.type for field in kind.fields}
    assert types['name'] == Text(20)
    assert types['gone'] == Array(Primitive('float32'), 3)
    assert types['some'] == Sequence(Primitive('octet'), 4)
    assert types['header'].fields[0].type.name == 'builtin_interfaces/msg/Time'  # type: ignore[union-attr]


def test_the_same_type_is_the_same_and_another_is_not() -> None:
    kind = parse(OLD, 'my_msgs/Axis')
    assert same_layout(kind, parse(OLD.replace('# when', ''), 'my_msgs/msg/Axis'))
    for change in (('position', 'place'), ('float64', 'float32'), ('[3]', '[4]'), ('[3]', '[]'), ('Part[]', 'Part'),
                   ('uint16 number', 'int16 number'), ('bool old', 'uint8 old')):
        text = OLD.replace(*change)
        assert text != OLD
        if change[0] != 'bool old':
            assert not same_layout(kind, parse(text, 'my_msgs/Axis')), change


def test_a_message_keeps_its_values_by_name() -> None:
    old, new = parse(OLD, 'my_msgs/Axis'), parse(NEW, 'my_msgs/Axis')
    values = {
        'header': {'stamp': {'sec': 7, 'nanosec': 8}, 'frame_id': 'base_link'}, 'name': 'pan', 'position': 0.25,
        'parts': [{'number': 1, 'old': True}, {'number': 2, 'old': False}], 'gone': [1.0, 2.0, 3.0], 'some': [1, 2]}
    data = Codec(old).encode(values, 0)
    came = Codec(new).to_json(converter(old, with_defaults(new))(data))
    assert came['header'] == values['header']
    assert (came['name'], came['position'], came['velocity']) == ('pan', 0.25, 0.0)
    assert came['parts'] == [{'number': 1, 'new': 0.0, 'old': True}, {'number': 2, 'new': 0.0, 'old': False}]
    assert 'gone' not in came


def with_defaults(kind: object) -> object:
    """Return a shape as that of an installed type is: its fields have defaults."""
    import dataclasses
    fields = []
    for field in kind.fields:  # type: ignore[attr-defined]
        inner, default = field.type, 0.0
        if hasattr(inner, 'fields'):
            inner, default = with_defaults(inner), {}
        elif isinstance(inner, Text):
            default = ''
        elif isinstance(inner, (Array, Sequence)):
            default = []
            if hasattr(inner.element, 'fields'):
                inner = dataclasses.replace(inner, element=with_defaults(inner.element))
        elif isinstance(inner, Primitive) and not inner.name.startswith('float'):
            default = False if inner.name == 'bool' else 0
        fields.append(dataclasses.replace(field, type=inner, default=default))
    return dataclasses.replace(kind, fields=tuple(fields))  # type: ignore[type-var]


@pytest.mark.parametrize('text', [
    'Other x\n', f'Loop x\n{RULE}\nMSG: a/Loop\nLoop x\n',
    f'Loop[] x\n{RULE}\nMSG: a/Loop\nBack y\n{RULE}\nMSG: a/Back\nLoop z'])
def test_a_text_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(CodecError):
        parse(text, 'a/B')


def test_what_is_too_short_is_refused() -> None:
    old = parse(OLD, 'my_msgs/Axis')
    with pytest.raises(CodecError):
        converter(old, with_defaults(parse(NEW, 'my_msgs/Axis')))(b'\0\1\0\0' + struct.pack('<II', 1, 2))  # type: ignore[arg-type]


def test_a_field_of_another_kind_is_refused() -> None:
    old, new = parse(OLD, 'my_msgs/Axis'), parse(OLD.replace('string<=20 name', 'float64 name'), 'my_msgs/Axis')
    with pytest.raises(CodecError, match='name'):
        converter(old, with_defaults(new))  # type: ignore[arg-type]


def test_numbers_convert_where_they_fit() -> None:
    old, new = parse('float64 a\nint32[] b\nuint8[] c\n', 'a/B'), parse('int16 a\nuint8[] b\nint64[] c\n', 'a/B')
    convert = converter(old, with_defaults(new))  # type: ignore[arg-type]
    values = Codec(new).to_json(convert(Codec(old).encode({'a': 3.0, 'b': [1, 2], 'c': [4, 5]}, 0)))
    assert values == {'a': 3, 'b': 'AQI=', 'c': [4, 5]}
    with pytest.raises(CodecError):
        convert(Codec(old).encode({'a': 3e9, 'b': [], 'c': []}, 0))
