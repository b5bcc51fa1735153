"""Messages of a bag as plain values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from turret_bringup.bags.metadata import BagError, Topic
from turret_bringup.bags.reader import Bag, BagMessage
from turret_common.messages.cdr import Codec, CodecError
from turret_common.messages.definitions import type_hash
from turret_common.messages.ros_schema import UnknownTypeError, interface, schema
from turret_common.reason_codes import ReasonCode

Values = dict[str, Any]


class BagDecoder:
    """Decodes with the message types that are installed, where they are the ones that were recorded.

    Attributes:
        skipped: topics that cannot be decoded, and why.
    """

    def __init__(self, bag: Bag) -> None:
        self.skipped: dict[str, str] = {}
        self._codecs: dict[str, Codec] = {}
        for topic in bag.topics.values():
            try:
                self._codecs[topic.name] = Codec(schema(_installed(topic)))
            except UnknownTypeError as error:
                self.skipped[topic.name] = str(error)

    def values(self, message: BagMessage) -> Values | None:
        """Return the fields of a message, byte arrays as base64 text; None for topics that are skipped.

        Raises:
            BagError: DAMAGED.
        """
        return self._decoded(message, lambda codec: codec.to_json)

    def raw_values(self, message: BagMessage) -> Values | None:
        """Return the fields of a message with byte arrays as bytes. As :meth:`values` otherwise."""
        return self._decoded(message, lambda codec: codec.to_cbor)

    def _decoded(self, message: BagMessage, decoder: Callable[[Codec], Callable[[bytes], Values]]) -> Values | None:
        codec = self._codecs.get(message.topic)
        if codec is None:
            return None
        try:
            return decoder(codec)(message.data)
        except CodecError as error:
            raise BagError(ReasonCode.DAMAGED, f'a message of {message.topic} is damaged: {error}') from error


def _installed(topic: Topic) -> Any:
    """Return the class of a topic's type; raise UnknownTypeError where it is not the one that was recorded."""
    cls = interface(topic.type, 'msg')
    installed = type_hash(topic.type)
    if topic.type_hash and installed and topic.type_hash != installed:
        raise UnknownTypeError(f'{topic.type} was recorded in another version than the one that is installed')
    return cls
