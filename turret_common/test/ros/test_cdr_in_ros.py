# SPDX-License-Identifier: Apache-2.0
"""The codec against the serialization of the middleware, with random messages of real types."""

from __future__ import annotations

import base64
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rclpy.serialization import deserialize_message, serialize_message

from turret_common.messages.cdr import Codec
from turret_common.messages.ros_schema import UnknownTypeError, builder, interface, schema
from turret_common.messages.schema import PRIMITIVES, Array, FieldType, Primitive, Struct, Text, is_blob

TYPES = [
    ('turret_msgs/msg/TurretStatus', 'msg'), ('turret_msgs/msg/TrackArray', 'msg'), ('turret_msgs/SafetyState', 'msg'),
    ('turret_msgs/msg/SimGroundTruth', 'msg'), ('sensor_msgs/msg/CameraInfo', 'msg'), ('sensor_msgs/JointState', 'msg'),
    ('sensor_msgs/msg/CompressedImage', 'msg'), ('diagnostic_msgs/msg/DiagnosticArray', 'msg'),
    ('rcl_interfaces/msg/ParameterEvent', 'msg'), ('std_msgs/msg/Empty', 'msg'),
    ('std_msgs/msg/ByteMultiArray', 'msg'), ('geometry_msgs/msg/PoseWithCovarianceStamped', 'msg'),
    ('trajectory_msgs/msg/JointTrajectory', 'msg'), ('visualization_msgs/msg/Marker', 'msg'),
    ('turret_msgs/action/Home_FeedbackMessage', 'msg'), ('std_msgs/msg/UInt64MultiArray', 'msg')]


def fill(message: Any, draw: Any) -> None:
    """Give every field of a message a random value, going by the schema."""
    for field in schema(type(message)).fields:
        setattr(message, field.name, value_of(field.type, getattr(message, field.name), draw))


def value_of(kind: FieldType, present: Any, draw: Any) -> Any:
    if isinstance(kind, Struct):
        fill(present, draw)
        return present
    if isinstance(kind, Text):
        characters = st.characters(min_codepoint=1, max_codepoint=0xD7FF) | st.characters(min_codepoint=0xE000)
        return draw(st.text(characters, max_size=min(kind.limit or 4, 4)))  # without surrogates
    if isinstance(kind, Primitive):
        return number_of(kind, draw)
    size = kind.size if isinstance(kind, Array) else draw(st.integers(0, min(kind.limit or 2, 2)))
    if isinstance(kind.element, Struct):
        elements = list(present) if isinstance(kind, Array) else [new(kind.element) for _ in range(size)]
        for element in elements:
            fill(element, draw)
        return elements
    return [value_of(kind.element, None, draw) for _ in range(size)]


def new(kind: Struct) -> Any:
    package, folder, name = kind.name.split('/')
    return interface(f'{package}/{folder}/{name}', folder)()


def number_of(kind: Primitive, draw: Any) -> Any:
    size, _ = PRIMITIVES[kind.name]
    if kind.name == 'bool':
        return draw(st.booleans())
    if kind.name == 'octet':
        return bytes([draw(st.integers(0, 255))])
    if kind.name.startswith('float'):
        return draw(st.floats(width=8 * size))
    if kind.name.startswith('int'):
        return draw(st.integers(-(2**(8 * size - 1)), 2**(8 * size - 1) - 1))
    return draw(st.integers(0, 2**(8 * size) - 1))


def walk(value: Any, kind: FieldType) -> Any:
    """What rosbridge makes of a value, by walking the message."""
    if isinstance(kind, Struct):
        return {field.name: walk(getattr(value, field.name), field.type) for field in kind.fields}
    if isinstance(kind, Primitive):
        return value[0] if isinstance(value, bytes) else value
    if isinstance(kind, Text):
        return value
    if is_blob(kind):
        return base64.b64encode(bytes(list(value))).decode()
    elements = value.tolist() if hasattr(value, 'tolist') else value
    return [walk(element, kind.element) for element in elements]


def same(a: Any, b: Any) -> bool:
    """Equal, where NaN equals NaN."""
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return a == b or (math.isnan(a) and math.isnan(b))
    return type(a) is type(b) and a == b


@pytest.mark.parametrize(('name', 'kind'), TYPES)
def test_random_messages(name: str, kind: str) -> None:
    cls = interface(name, kind)
    codec = Codec(schema(cls))

    @settings(max_examples=12, deadline=None)
    @given(st.data())
    def law(data: st.DataObject) -> None:
        message = cls()
        fill(message, data.draw)
        serialized = serialize_message(message)
        values = codec.to_json(serialized)
        assert same(values, walk(message, schema(cls)))
        again = deserialize_message(codec.encode(values, 0), cls)
        assert same(walk(again, schema(cls)), values)
        assert same(walk(builder(cls)(codec.to_cbor(serialized)), schema(cls)), values)
        assert len(codec.exact(serialized)) == len(codec.encode(values, 0))
    law()


def test_services_and_parts_of_actions_have_schemas() -> None:
    service = interface('turret_msgs/SetMode', 'srv')
    assert schema(service.Request).name == 'turret_msgs/srv/SetMode_Request'
    inside = interface('turret_msgs/action/Home_SendGoal', 'srv')
    assert schema(inside.Request).fields[0].name == 'goal_id'
    assert interface('turret_msgs/Home', 'action') is interface('turret_msgs/action/Home', 'action')


def test_constants_are_in_the_schema() -> None:
    constants = {name: value for name, _, value in schema(interface('turret_msgs/LaserState', 'msg')).constants}
    assert constants['STATE_FAULT'] == 5


@pytest.mark.parametrize('name', [
    'TurretStatus', 'turret_msgs', 'no_msgs/msg/Thing', 'turret_msgs/msg/Nothing', 'turret_msgs/srv/SetMode', 'os/path',
    'turret_msgs/msg/TurretStatus/x', '../msg/X', 'turret_msgs/msg/__doc__', ''])
def test_an_unknown_message_type_is_refused(name: str) -> None:
    with pytest.raises(UnknownTypeError):
        interface(name, 'msg')
