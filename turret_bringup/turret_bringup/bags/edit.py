# SPDX-License-Identifier: Apache-2.0
"""New bags made of parts of others: cut, filtered, merged, split again. The originals stay as they are."""

from __future__ import annotations

import dataclasses
import heapq
import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from turret_bringup.bags.messages import BagMessages, namespace_of
from turret_bringup.bags.metadata import MAGIC, NAMESPACE, BagError, Topic
from turret_bringup.bags.reader import Bag, BagMessage
from turret_bringup.bags.writer import BagWriter, is_latched
from turret_common.reason_codes import ReasonCode

#: The metadata record that rosbag2 writes into each file; every new file gets its own.
_OF_ROSBAG2 = 'rosbag2'
#: The topic whose messages name the node that they are of.
PARAMETER_EVENTS = '/parameter_events'


@dataclasses.dataclass(frozen=True)
class Edited:
    """A new bag: its number of messages, and what of the originals is not in it, a sentence each."""

    messages: int
    notes: tuple[str, ...]


def rewrite(
        sources: Sequence[Path], target: Path, *, start_s: float = 0.0, end_s: float = 0.0,
        selects: Callable[[str], bool] = lambda _: True, namespace: str = '', split_bytes: int = 0,
        split_s: float = 0.0) -> Edited:
    """Write the messages of bags into a new bag, in the order of their stamps.

    With a start, the newest earlier message of each latched topic comes first. Attachments and metadata records are
    copied. Where this fails, no part of the new bag is left.

    Args:
        sources: folders or files.
        target: folder of the new bag, which must not exist.
        start_s: since the first message of all bags.
        end_s: since the first message; 0 = to the end.
        selects: whether a topic is wanted.
        namespace: without slashes, takes the place of the turret's in names of topics and nodes; empty = keep it. What
            messages contain stays, names of frames too.
        split_bytes: begin another file at this size; 0 = never.
        split_s: begin another file after this time; 0 = never.

    Raises:
        BagError: a bag cannot be read, two of them have different types on one topic, nothing is selected, or the
            target exists.
        OSError: the target cannot be written.
    """
    with ExitStack() as stack:
        bags = [stack.enter_context(Bag(source)) for source in sources]
        topics = _merged_topics(bags, selects)
        if not topics:
            raise BagError(ReasonCode.UNKNOWN_NAME, f'{sources[0]} has no topic that matches')
        begin_ns = min((bag.start_ns for bag in bags if bag.messages_total), default=0)
        first_ns = begin_ns + round(1e9 * start_s)
        end_ns = begin_ns + round(1e9 * end_s) if end_s else None
        names = [_Names(bag, namespace) for bag in bags]
        custom = {key: value for bag in reversed(bags) for key, value in bag.custom.items()}
        writer = BagWriter(
            target, [dataclasses.replace(topic, name=names[0].topic(topic.name)) for topic in topics.values()],
            custom={**custom, NAMESPACE: namespace} if namespace else custom, split_bytes=split_bytes, split_s=split_s)
        count = 0
        writer.open()
        try:
            for bag, names_of_bag in zip(bags, names, strict=True):
                latched = [name for name, topic in bag.topics.items() if name in topics and is_latched(topic)]
                for message in map(names_of_bag.message, bag.newest(latched, first_ns) if start_s else ()):
                    writer.write(message.topic, first_ns, message.data, message.published_ns)
                    count += 1
            streams = [
                map(names_of_bag.message, bag.messages(topics.keys(), first_ns, end_ns))
                for bag, names_of_bag in zip(bags, names, strict=True)]
            for message in heapq.merge(*streams, key=lambda m: m.stamp_ns):
                writer.write(message.topic, message.stamp_ns, message.data, message.published_ns)
                count += 1
            _copy_attachments(bags, writer)
            writer.close()
        except BaseException:  # a part would look like the whole
            writer.abort()
            shutil.rmtree(target, ignore_errors=True)
            raise
        notes = [f'{topic} is left out: {reason}' for bag in bags for topic, reason in bag.left_out.items()]
        return Edited(count, tuple(notes))


class _Names:
    """The names of one bag in the new bag."""

    def __init__(self, bag: Bag, namespace: str) -> None:
        """Prepare; an empty namespace changes nothing. Raises BagError where there is no turret in the bag."""
        self._old = namespace_of(bag) if namespace else ''
        self._new = f'/{namespace}' if namespace else ''
        self._decoder = BagMessages(bag) if namespace else None

    def topic(self, name: str) -> str:
        """Return the new name of a topic or node."""
        return self._new + name.removeprefix(self._old) if name.startswith(f'{self._old}/') else name

    def message(self, message: BagMessage) -> BagMessage:
        """Return a message with its new names."""
        if self._decoder is None:
            return message
        data = message.data
        if message.topic == PARAMETER_EVENTS:
            data = self._decoder.changed(message, lambda event: {**event, 'node': self.topic(event['node'])})
        return message._replace(topic=self.topic(message.topic), data=data)


def _merged_topics(bags: Sequence[Bag], selects: Callable[[str], bool]) -> dict[str, Topic]:
    topics: dict[str, Topic] = {}
    for bag in bags:
        for name, topic in bag.topics.items():
            if not selects(name):
                continue
            known = topics.setdefault(name, topic)
            if known.type != topic.type or (known.definition != topic.definition and known.definition):
                raise BagError(
                    ReasonCode.NOT_SUPPORTED, f'{bag.path}: {name} has another type, or version of it, than in the '
                    'bag before')
            topics[name] = dataclasses.replace(known, qos=tuple(dict.fromkeys(known.qos + topic.qos)))
    return topics


def _copy_attachments(bags: Sequence[Bag], writer: BagWriter) -> None:
    """Copy the attachments and metadata records of the files of bags."""
    paths = [path for bag in bags for path in bag.paths if bag.is_mcap]
    if paths:
        from mcap.opcode import Opcode
        from mcap.records import Attachment
        from mcap.records import Metadata as MetadataRecord

        from turret_bringup.bags.mcap_file import McapFile
        for path in paths:
            with McapFile(path) as file, file.decoding():
                for record in file.records(len(MAGIC), file.size):
                    if record.opcode == Opcode.DATA_END:
                        break
                    if record.opcode == Opcode.ATTACHMENT:
                        writer.add_attachment(file.parsed(record, Attachment))
                    elif record.opcode == Opcode.METADATA:
                        metadata = file.parsed(record, MetadataRecord)
                        if metadata.name != _OF_ROSBAG2:
                            writer.add_record(metadata.name, metadata.metadata)
