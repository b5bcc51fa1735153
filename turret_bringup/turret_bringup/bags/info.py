# SPDX-License-Identifier: Apache-2.0
"""Summary of a bag as text."""

from __future__ import annotations

import datetime

from turret_bringup.bags.reader import Bag

#: Entries of the recorder that are shown.
_ORIGIN = (('code:      ', 'turret.version'), ('host:      ', 'turret.host'), ('hardware:  ', 'turret.hardware'))


def lines(bag: Bag) -> list[str]:
    """Return what a bag holds: times, sizes, and a line for each topic."""
    start = datetime.datetime.fromtimestamp(bag.start_ns * 1e-9).astimezone()
    head = [
        f'bag:       {bag.path.name}',
        f'begins:    {start:%Y-%m-%d %H:%M:%S %z}' if bag.messages_total else 'empty',
        f'duration:  {bag.duration_s:.1f} s',
        f'size:      {bag.size / 1e6:.1f} MB in {len(bag.paths)} {"file" if len(bag.paths) == 1 else "files"}',
        f'messages:  {bag.messages_total}',
    ]
    head += [f'left out:  {topic}: {reason}' for topic, reason in bag.left_out.items()]
    head += [f'{label}{bag.custom[key]}' for label, key in _ORIGIN if key in bag.custom]
    head += [f'selection: {bag.custom["turret.selection"]}'] if 'turret.selection' in bag.custom else []
    rows = [('topic', 'type', 'messages', 'Hz', 'quality of service')]
    for name, topic in sorted(bag.topics.items()):
        count = bag.counts[name]
        rate = f'{count / bag.duration_s:.1f}' if bag.duration_s > 0.0 else '-'
        qos = ', '.join(sorted({f'{q.reliability} {q.durability}'.replace('_', ' ') for q in topic.qos})) or 'unknown'
        rows.append((name, topic.type, str(count), rate, qos))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    return [*head, *(
        f'  {name:{widths[0]}}  {kind:{widths[1]}}  {count:>{widths[2]}}  {rate:>{widths[3]}}  {qos}'
        for name, kind, count, rate, qos in rows)]
