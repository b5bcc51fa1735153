"""What a bag holds of a turret: its namespace, its parameters, and its messages, deserialized."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from rclpy.parameter import parameter_value_to_python
from rclpy.serialization import deserialize_message

from turret_bringup.bags.metadata import BagError
from turret_bringup.bags.migration import converter, parse, same
from turret_bringup.bags.reader import Bag
from turret_bringup.settings.configuration import parse_layer
from turret_common.interface import TOPICS
from turret_common.messages.cdr import Codec, CodecError
from turret_common.messages.ros_schema import interface, schema
from turret_common.reason_codes import ReasonCode

#: The recorder's entry in the bag's own data: a parameter file.
_PARAMETERS = 'turret.parameters'
_EVENTS, _EVENT_TYPE = '/parameter_events', 'rcl_interfaces/msg/ParameterEvent'
_TYPES = {topic.name: topic.type for topic in TOPICS}
#: Topics that tell a turret and its namespace.
_TELLING = (
    'vision/tracks', 'joint_states', 'gimbal/command', 'status', 'camera/image_raw/compressed', 'camera/image_raw',
    'vision/detections')


def namespace_of(bag: Bag) -> str:
    """Return the namespace of the turret that a bag was recorded from, with a slash at its beginning.

    Raises:
        BagError: NOT_SUPPORTED, no topic of a turret is in it.
    """
    for name in _TELLING:
        for topic in bag.topics.values():
            if topic.type == _TYPES[name] and re.fullmatch(rf'(/[A-Za-z_]\w*)*/{name}', topic.name, re.ASCII):
                return topic.name[:-len(name) - 1]
    raise BagError(ReasonCode.NOT_SUPPORTED, f'{bag.path} holds no topics of a turret')


def recorded_parameters(bag: Bag, prefix: str) -> dict[str, dict[str, Any]]:
    """Return the newest recorded values of parameters of vision and controller, by node and dotted name.

    Where a bag holds no parameters, what the detections tell of the method is all that is known.
    """
    values: dict[str, dict[str, Any]] = {}
    if _PARAMETERS in bag.custom:
        values = {
            node: dict(entries) for node, entries in parse_layer(bag.custom[_PARAMETERS], str(bag.path)).values.items()
            if node in ('vision', 'controller')}
    present = Present(bag)
    events = bag.topics.get(_EVENTS)
    for recorded in bag.messages([_EVENTS] if events and events.type == _EVENT_TYPE else []):
        event = present.message(_EVENTS, recorded.data)
        node = event.node.removeprefix(f'{prefix}/')
        if node in ('vision', 'controller'):
            for parameter in (*event.new_parameters, *event.changed_parameters):
                value = parameter_value_to_python(parameter.value)
                values.setdefault(node, {})[parameter.name] = list(value) if hasattr(value, 'tolist') else value
    if 'vision' not in values:
        for _, _, message in messages(bag, ['vision/detections'], prefix):
            return {**values, 'vision': {'method': message.method}} if message.method else values
    return values


def messages(bag: Bag, names: Iterable[str], prefix: str) -> Iterator[tuple[str, int, Any]]:
    """Give the messages of topics of the turret, deserialized: relative name, stamp in ns, message.

    Raises:
        BagError: DAMAGED, NOT_SUPPORTED.
    """
    topics = {f'{prefix}/{name}': name for name in names}
    for full in topics.keys() & bag.topics.keys():
        if bag.topics[full].type != _TYPES[topics[full]]:
            raise BagError(ReasonCode.NOT_SUPPORTED, f'{bag.path}: {full} is a {bag.topics[full].type[:100]}')
    present = Present(bag)
    for recorded in bag.messages(topics.keys()):
        yield topics[recorded.topic], recorded.stamp_ns, present.message(recorded.topic, recorded.data)


class Present:
    """Brings messages of a bag into the form of the types that are installed, and looks whether they are whole."""

    def __init__(self, bag: Bag) -> None:
        self._bag = bag
        self._converters: dict[str, Callable[[bytes], bytes]] = {}

    def data(self, topic: str, data: bytes) -> bytes:
        """Return a serialized message.

        Raises:
            BagError: DAMAGED, it is no message of its type; NOT_SUPPORTED, its type has become another.
        """
        convert = self._converters.get(topic) or self._converter(topic)
        try:
            return convert(data)
        except (CodecError, RecursionError) as error:
            raise self._damaged(topic) from error

    def message(self, topic: str, data: bytes) -> Any:
        """Return a message. Raises as :meth:`data`."""
        try:
            return deserialize_message(self.data(topic, data), interface(self._bag.topics[topic].type, 'msg'))
        except (RuntimeError, MemoryError, UnicodeDecodeError) as error:
            raise self._damaged(topic) from error

    def _converter(self, topic: str) -> Callable[[bytes], bytes]:
        recorded = self._bag.topics[topic]
        present = schema(interface(recorded.type, 'msg'))
        check = Codec(present).to_cbor

        def checked(data: bytes) -> bytes:
            check(data)  # the decoder of ROS complains about what is damaged on standard error
            return data
        convert: Callable[[bytes], bytes] = checked
        if recorded.definition:
            try:
                shape = parse(recorded.definition, recorded.type)
                if not same(shape, present):
                    convert = converter(shape, present)
            except (CodecError, RecursionError) as error:
                raise self._damaged(topic) from error
        self._converters[topic] = convert
        return convert

    def _damaged(self, topic: str) -> BagError:
        return BagError(ReasonCode.DAMAGED, f'{self._bag.path} is damaged: a message of {topic} cannot be read')


def stamp_ns_of(stamp: Any) -> int:
    """Return a ``builtin_interfaces/Time`` in ns."""
    return int(stamp.sec) * 10**9 + int(stamp.nanosec)
