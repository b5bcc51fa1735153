# SPDX-License-Identifier: Apache-2.0
"""Check a bag: files, order, gaps, clock steps, quality of service, and whether every message can be decoded."""

from __future__ import annotations

import dataclasses
import statistics
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from turret_bringup.bags.messages import BagMessages, Values
from turret_bringup.bags.metadata import DROPPED, BagError
from turret_bringup.bags.reader import Bag, read_metadata

#: A time without messages of a topic is a gap when it is longer than this, and than so many of its usual periods.
_GAP_S = 1.0
_GAP_PERIODS = 10.0
#: A silence of all topics that is reported [s].
_SILENCE_S = 10.0
#: Change of the difference between the times of sending and receiving that is a step of the clock [s].
_STEP_S = 0.5
_SHOWN = 3


@dataclasses.dataclass
class _Stream:
    """What is known of one topic."""

    stamps: list[int] = dataclasses.field(default_factory=list)
    unordered: int = 0
    steps: int = 0
    published_ns: int = 0
    number: int | None = None
    missing: int = 0

    def take_number(self, values: Values | None) -> None:
        """Count the messages that are missing between this and the one before, where their publisher numbers them."""
        number = values.get('seq') if values is not None else None
        if isinstance(number, int) and self.number is not None and number > self.number:
            self.missing += number - self.number - 1
        self.number = number if isinstance(number, int) else None


def findings(path: Path) -> Iterator[str]:
    """Give what is wrong or remarkable in a bag, a sentence each; nothing = all is well.

    Raises:
        BagError: it cannot be opened at all.
    """
    with Bag(path) as bag:
        if bag.is_mcap:
            from turret_bringup.bags.recovery import is_whole
            yield from (f'{file.name} is damaged' for file in bag.paths if not is_whole(file))
        if bag.custom.get(DROPPED, '0') != '0':
            yield f'{bag.custom[DROPPED]} messages were lost while it was recorded'
        if path.is_dir():
            yield from _metadata_findings(bag)
        decoder = BagMessages(bag)
        streams: dict[str, _Stream] = defaultdict(_Stream)
        latched = {  # their last message is received whenever the recording starts
            name for name, topic in bag.topics.items() if any(qos.durability == 'transient_local' for qos in topic.qos)}
        last_ns, delay_s = bag.start_ns, None
        try:
            for message in bag.messages():
                stream = streams[message.topic]
                stream.take_number(decoder.values(message))
                stream.unordered += message.published_ns < stream.published_ns
                stream.published_ns = message.published_ns
                stream.stamps.append(message.stamp_ns)
                silence_s = (message.stamp_ns - last_ns) * 1e-9
                if silence_s > _SILENCE_S:
                    yield f'no messages for {silence_s:.0f} s at {(last_ns - bag.start_ns) * 1e-9:.1f} s'
                last_ns = message.stamp_ns
                if message.published_ns and message.topic not in latched:
                    now_s = (message.stamp_ns - message.published_ns) * 1e-9
                    if delay_s is not None and abs(now_s - delay_s) > _STEP_S and abs(now_s) > _STEP_S:
                        stream.steps += 1
                        if stream.steps <= _SHOWN:
                            yield (f'{message.topic}: sent {now_s:.1f} s before it was received, at '
                                   f'{(message.stamp_ns - bag.start_ns) * 1e-9:.1f} s: a clock step')
                    delay_s = now_s
        except BagError as error:
            yield error.message
        yield from decoder.notes()
        for topic, stream in sorted(streams.items()):
            yield from _stream_findings(topic, stream, bag.start_ns)


def _metadata_findings(bag: Bag) -> Iterator[str]:
    metadata = read_metadata(bag.path)
    counts = {topic.name: count for topic, count in metadata.topics}
    for name in sorted(bag.topics):
        if counts.get(name, 0) != bag.counts[name]:
            yield f'{name}: {bag.counts[name]} messages, but {counts.get(name, 0)} according to the metadata'
        policies = {(qos.reliability, qos.durability) for qos in bag.topics[name].qos}
        if len(policies) > 1:
            yield f'{name}: its publishers offered different quality of service'


def _stream_findings(topic: str, stream: _Stream, start_ns: int) -> Iterator[str]:
    if stream.unordered:
        yield f'{topic}: {stream.unordered} messages were received before ones that were sent earlier'
    if stream.steps > _SHOWN:
        yield f'{topic}: {stream.steps - _SHOWN} more clock steps'
    if stream.missing:
        yield f'{topic}: {stream.missing} messages are missing by their numbers'
    periods = [(after - before) * 1e-9 for before, after in zip(stream.stamps, stream.stamps[1:], strict=False)]
    if not periods:
        return
    limit_s = max(_GAP_S, _GAP_PERIODS * statistics.median(periods))
    gaps = [(period, stamp) for period, stamp in zip(periods, stream.stamps, strict=False) if period > limit_s]
    if gaps and len(gaps) <= len(periods) // 10:  # a topic that comes on change has gaps only
        for period, stamp in sorted(gaps, reverse=True)[:_SHOWN]:
            yield f'{topic}: no message for {period:.1f} s at {(stamp - start_ns) * 1e-9:.1f} s'
