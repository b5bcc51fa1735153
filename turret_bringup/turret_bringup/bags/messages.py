# SPDX-License-Identifier: Apache-2.0
"""Recorded messages as values, bytes and ROS messages: the one way from a bag to what is in it.

A bag holds the definition of every type. Where a type has changed since the recording, fields keep their values by
name, new fields get their defaults, and those that are gone are left out. A type that is not installed is decoded by
the recorded definition. A message that cannot be decoded is left out and counted: it costs no other message.
"""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, NamedTuple

from turret_bringup.bags.metadata import NAMESPACE, BagError, Topic
from turret_bringup.bags.reader import Bag, BagMessage
from turret_common.interface import TOPICS
from turret_common.messages.cdr import Codec, CodecError
from turret_common.messages.definitions import parse, type_hash
from turret_common.messages.ros_schema import UnknownTypeError, builder, interface, schema
from turret_common.messages.schema import (
    Array,
    FieldType,
    Primitive,
    Sequence,
    Struct,
    Text,
    is_blob,
    same_layout,
)
from turret_common.reason_codes import ReasonCode

Values = dict[str, Any]

_TYPES = {topic.name: topic.type for topic in TOPICS}
#: Topics by which the namespace of a turret is recognized.
_IDENTIFYING = (
    'vision/tracks', 'joint_states', 'gimbal/command', 'controller/state', 'laser/state', 'status',
    'camera/image_raw/compressed', 'camera/image_raw', 'vision/detections', 'vision/image_annotated/compressed')


def namespace_of(bag: Bag) -> str:
    """Return the namespace of the turret that a bag was recorded from, with a leading slash; empty = the root.

    It is the one that the recorder wrote into the bag, else that of a topic with a name and a type of the turret.

    Raises:
        BagError: NOT_SUPPORTED, the bag has no topic of a turret.
    """
    recorded = bag.custom.get(NAMESPACE, '').strip('/')
    if recorded and any(topic.startswith(f'/{recorded}/') for topic in bag.topics):
        return f'/{recorded}'
    for name in _IDENTIFYING:
        for topic in bag.topics.values():
            if topic.type == _TYPES[name] and re.fullmatch(rf'(/[A-Za-z_]\w*)*/{name}', topic.name, re.ASCII):
                return topic.name[:-len(name) - 1]
    raise BagError(ReasonCode.NOT_SUPPORTED, f'{bag.path} has no topics of a turret')


class _Reader(NamedTuple):
    """How the messages of one topic are read.

    Attributes:
        codec: of the type that the values have: the installed one, or, without that, the recorded one.
        convert: from the recorded form to that of the codec; None where they are the same.
        build: from values to a ROS message; None where the type is not installed.
    """

    codec: Codec
    convert: Callable[[bytes], bytes] | None
    build: Callable[[Values], Any] | None


class BagMessages:
    """Decodes the messages of one bag.

    Attributes:
        left_out: topics that cannot be decoded, and why; without those that the bag itself leaves out.
        damaged: number of messages that could not be decoded, by topic, of those that were asked for so far.
    """

    def __init__(self, bag: Bag) -> None:
        self.left_out: dict[str, str] = {}
        self.damaged: Counter[str] = Counter()
        self._bag = bag
        self._readers: dict[str, _Reader] = {}
        for topic in bag.topics.values():
            try:
                self._readers[topic.name] = _reader(topic)
            except (UnknownTypeError, CodecError, RecursionError) as error:
                self.left_out[topic.name] = str(error) or 'its type is nested too deeply'

    def values(self, recorded: BagMessage) -> Values | None:
        """Return the fields of a message, byte arrays as base64 text; None where it is left out."""
        return self._decoded(recorded, lambda codec: codec.to_json)

    def raw_values(self, recorded: BagMessage) -> Values | None:
        """Return the fields of a message, byte arrays as bytes; None where it is left out."""
        return self._decoded(recorded, lambda codec: codec.to_cbor)

    def message(self, recorded: BagMessage) -> Any | None:
        """Return a message of the installed type; None where it is left out."""
        reader = self._readers.get(recorded.topic)
        values = self.raw_values(recorded)
        return None if reader is None or reader.build is None or values is None else reader.build(values)

    def data(self, recorded: BagMessage) -> bytes | None:
        """Return a message serialized as the installed type, little endian, checked; None where it is left out."""
        reader = self._readers.get(recorded.topic)
        if reader is None:
            return None
        try:
            if reader.convert is not None:
                return reader.convert(recorded.data)
            if recorded.data[:2] == b'\0\0':  # big endian
                return reader.codec.encode(reader.codec.to_json(recorded.data), 0)
            return reader.codec.exact(recorded.data)
        except (CodecError, RecursionError):
            self.damaged[recorded.topic] += 1
            return None

    def changed(self, recorded: BagMessage, change: Callable[[Values], Values]) -> bytes:
        """Return a message serialized with other values; as it is where it cannot be decoded and encoded exactly."""
        reader = self._readers.get(recorded.topic)
        if reader is None or reader.convert is not None:
            return recorded.data
        data = self.data(recorded)
        values = reader.codec.to_json(data) if data is not None else None
        if values is None or reader.codec.encode(values, 0) != data:
            return recorded.data
        return reader.codec.encode(change(values), 0)

    def notes(self) -> list[str]:
        """Return what was left out, a sentence each."""
        unread = [*self._bag.left_out.items(), *self.left_out.items()]
        return [f'{topic} is left out: {reason}' for topic, reason in unread] + [
            f'{topic}: {count} damaged messages are left out' for topic, count in self.damaged.items()]

    def _decoded(self, recorded: BagMessage, decoder: Callable[[Codec], Callable[[bytes], Values]]) -> Values | None:
        reader = self._readers.get(recorded.topic)
        if reader is None:
            return None
        try:
            data = recorded.data if reader.convert is None else reader.convert(recorded.data)
            return decoder(reader.codec)(data)
        except (CodecError, RecursionError):
            self.damaged[recorded.topic] += 1
            return None


class TurretMessages:
    """The messages of a turret in a bag, by their names relative to its namespace.

    Attributes:
        prefix: the namespace with a slash at its end.
        topics: relative names of the topics that have messages.
        decoder: of the messages.
    """

    def __init__(self, bag: Bag) -> None:
        """Raises BagError: NOT_SUPPORTED, the bag has no topic of a turret."""
        self.prefix = namespace_of(bag) + '/'
        self.topics = [name.removeprefix(self.prefix) for name, count in bag.counts.items() if count]
        self.decoder = BagMessages(bag)
        self._bag = bag

    def values(
            self, topics: Collection[str], start_ns: int | None = None, end_ns: int | None = None, *,
            raw: bool = False) -> Iterator[tuple[str, int, Values]]:
        """Give relative name, stamp [ns] and fields of the messages of some topics; ``raw`` keeps bytes as bytes."""
        decode = self.decoder.raw_values if raw else self.decoder.values
        for recorded in self._bag.messages({self.prefix + name for name in topics}, start_ns, end_ns):
            values = decode(recorded)
            if values is not None:
                yield recorded.topic.removeprefix(self.prefix), recorded.stamp_ns, values


def messages(bag: Bag, names: Iterable[str], prefix: str) -> Iterator[tuple[str, int, Any]]:
    """Give the messages of topics of a turret as ROS messages: relative name, stamp [ns], message.

    Args:
        bag: that they are in.
        names: of the topics, relative to the namespace.
        prefix: the namespace, as :func:`namespace_of` gives it.

    Raises:
        BagError: DAMAGED, NOT_SUPPORTED where a topic has another type than a turret gives it.
    """
    topics = {f'{prefix}/{name}': name for name in names}
    for full in topics.keys() & bag.topics.keys():
        if bag.topics[full].type != _TYPES[topics[full]]:
            raise BagError(ReasonCode.NOT_SUPPORTED, f'{bag.path}: {full} is a {bag.topics[full].type[:100]}')
    decoder = BagMessages(bag)
    for recorded in bag.messages(topics.keys()):
        message = decoder.message(recorded)
        if message is not None:
            yield topics[recorded.topic], recorded.stamp_ns, message


def converter(recorded: Struct, installed: Struct) -> Callable[[bytes], bytes]:
    """Return a function from a message of a recorded version of a type to one of the installed version.

    Raises:
        CodecError: a field has become a field of another kind; the returned function raises it for a message that is
            damaged, or whose values do not fit.
    """
    _require_convertible(recorded, installed, '')
    read, write = Codec(recorded), Codec(installed)

    def convert(data: bytes) -> bytes:
        return write.encode(_fitted(read.to_json(data), recorded, installed), 0)
    return convert


def _reader(topic: Topic) -> _Reader:
    """Return how a topic is read. Raises UnknownTypeError, CodecError."""
    recorded = parse(topic.definition, topic.type) if topic.definition and topic.encoding == 'ros2msg' else None
    try:
        cls = interface(topic.type, 'msg')
    except UnknownTypeError:
        if recorded is None:
            raise
        return _Reader(Codec(recorded), None, None)
    installed = schema(cls)
    if recorded is None:
        hash_now = type_hash(topic.type)
        if topic.type_hash and hash_now and topic.type_hash != hash_now:
            raise UnknownTypeError(f'{topic.type} was recorded in another version, and without its definition')
        return _Reader(Codec(installed), None, builder(cls))
    convert = None if same_layout(recorded, installed) else converter(recorded, installed)
    return _Reader(Codec(installed), convert, builder(cls))


def _require_convertible(recorded: FieldType, installed: FieldType, path: str) -> None:
    """Refuse a change of a field's kind. Numbers convert to each other where the value fits."""
    if isinstance(recorded, Struct) and isinstance(installed, Struct):
        types = {field.name: field.type for field in installed.fields}
        for field in recorded.fields:
            if field.name in types:
                _require_convertible(field.type, types[field.name], f'{path}{field.name}.')
    elif isinstance(recorded, (Array, Sequence)) and isinstance(installed, (Array, Sequence)):
        _require_convertible(recorded.element, installed.element, path)
    elif not any(isinstance(recorded, kind) and isinstance(installed, kind) for kind in (Primitive, Text)) or (
            isinstance(recorded, Primitive) and isinstance(installed, Primitive)
            and (recorded.name == 'bool') != (installed.name == 'bool')):
        raise CodecError(f'the field {path[:-1]} was recorded as another kind of value')


def _fitted(value: Any, recorded: FieldType, installed: FieldType) -> Any:
    """Return a value of the recorded type as the installed type takes it."""
    if isinstance(recorded, Struct) and isinstance(installed, Struct):
        types = {field.name: field.type for field in installed.fields}
        return {
            field.name: _fitted(value[field.name], field.type, types[field.name])
            for field in recorded.fields if field.name in types}
    if isinstance(recorded, (Array, Sequence)) and isinstance(installed, (Array, Sequence)):
        if is_blob(recorded) and not is_blob(installed):
            value = list(base64.b64decode(value))
        elements = [_fitted(element, recorded.element, installed.element) for element in value] if (
            isinstance(value, list)) else value
        if isinstance(installed, Array) and isinstance(elements, list) and len(elements) != installed.size:
            raise CodecError(f'{len(elements)} elements do not fit {installed.size}')
        return elements
    if isinstance(installed, Primitive) and isinstance(value, float) and not installed.name.startswith('float'):
        return round(value)
    return value
