#!/usr/bin/env -S sh -c 'exec "$(dirname "$0")/../.venv/bin/python" "$0" "$@"'
# SPDX-License-Identifier: Apache-2.0
"""Draw the diagrams of the documents as SVG: states, data flow, wiring.

With ``--check`` it writes nothing and fails when a file is out of date.
"""

from __future__ import annotations

import argparse
import sys
from html import escape
from pathlib import Path
from typing import NamedTuple

IMAGES = Path(__file__).resolve().parent.parent / 'docs' / 'images'
WIDTH, HEIGHT = 132, 44
STYLE = """
  text { font: 14px sans-serif; fill: #1b2733; text-anchor: middle; dominant-baseline: middle }
  .label { font-size: 12px; fill: #44525f; paint-order: stroke; stroke: #fff; stroke-width: 4px }
  rect { fill: #eef3f8; stroke: #5b6b7a; rx: 8px }
  .bad { fill: #fbe4e4; stroke: #b3171f }
  .warm { fill: #fff0d9; stroke: #a86400 }
  .hot { fill: #ffd6d2; stroke: #c02020 }
  path { fill: none; stroke: #5b6b7a; stroke-width: 1.5; marker-end: url(#tip) }
  svg { background: #ffffff }"""


class Node(NamedTuple):
    """A box: position of its center in px, its text, and a class of the style sheet."""

    x: float
    y: float
    text: str
    kind: str = ''


class Arrow(NamedTuple):
    """An arrow between two nodes with a label; ``bend`` moves its middle sideways [px]."""

    start: str
    end: str
    label: str = ''
    bend: float = 0.0


class Diagram(NamedTuple):
    """Nodes, named for their arrows, and arrows."""

    title: str
    width: int
    height: int
    nodes: dict[str, Node]
    arrows: tuple[Arrow, ...]


LASER = Diagram(
    'States of the laser', 800, 330,
    {
        'OFF': Node(90, 90, 'OFF'), 'ARMING': Node(290, 90, 'ARMING', 'warm'), 'ARMED': Node(490, 90, 'ARMED', 'warm'),
        'FIRING': Node(690, 90, 'FIRING', 'hot'), 'COOLDOWN': Node(590, 230, 'COOLDOWN', 'warm'),
        'FAULT': Node(90, 270, 'FAULT', 'bad'),
    },
    (
        Arrow('OFF', 'ARMING', 'arm'), Arrow('ARMING', 'COOLDOWN', 'delay over'),
        Arrow('ARMED', 'FIRING', 'grant'),
        Arrow('FIRING', 'COOLDOWN', 'grant ended'), Arrow('COOLDOWN', 'ARMED', 'pause over'),
        Arrow('ARMED', 'OFF', 'disarm, expiry, any interlock', 66), Arrow('OFF', 'FAULT', 'failure', -20),
        Arrow('FAULT', 'OFF', 'reset', -20),
    ))
TRACK = Diagram(
    'States of a track', 700, 290,
    {
        'DETECTING': Node(100, 80, 'DETECTING'), 'TRACKING': Node(330, 80, 'TRACKING', 'warm'),
        'COASTING': Node(570, 80, 'COASTING'), 'LOST': Node(330, 250, 'LOST', 'bad'),
    },
    (
        Arrow('DETECTING', 'TRACKING', 'confirmed'), Arrow('TRACKING', 'COASTING', 'not detected', -34),
        Arrow('COASTING', 'TRACKING', 'detected again', -34), Arrow('DETECTING', 'LOST', 'not confirmed'),
        Arrow('COASTING', 'LOST', 'too long'),
    ))
CONTROL = Diagram(
    'Who has control', 760, 290,
    {
        'free': Node(100, 80, 'no operator'), 'operator': Node(440, 80, 'operator', 'warm'),
        'stopped': Node(440, 250, 'stopped', 'bad'),
    },
    (
        Arrow('free', 'operator', 'acquire the lease', -34),
        Arrow('operator', 'free', 'release, heartbeat lost', -34),
        Arrow('operator', 'operator', 'another takes over'), Arrow('operator', 'stopped', 'stop (anyone)', 20),
        Arrow('free', 'stopped', 'stop (anyone)'), Arrow('stopped', 'operator', 'reset (operator)', 20),
    ))
FLOW = Diagram(
    'Flow of data', 1000, 420,
    {
        'camera': Node(90, 60, 'camera'), 'vision': Node(300, 60, 'vision'), 'controller': Node(520, 60, 'controller'),
        'gimbal': Node(860, 60, 'gimbal'), 'safety': Node(520, 210, 'safety', 'warm'),
        'laser': Node(860, 210, 'laser', 'hot'), 'status': Node(300, 360, 'status'), 'web': Node(520, 360, 'web'),
        'browser': Node(860, 360, 'browser'),
    },
    (
        Arrow('camera', 'vision', 'image'), Arrow('vision', 'controller', 'tracks'),
        Arrow('controller', 'gimbal', 'command'), Arrow('gimbal', 'safety', 'joint states', -24),
        Arrow('safety', 'gimbal', 'permit', -24), Arrow('safety', 'laser', 'permit, grant'),
        Arrow('controller', 'safety', 'fire request'), Arrow('status', 'web', '2 Hz'),
        Arrow('web', 'browser', 'WebSocket, video'), Arrow('vision', 'status', 'state'),
        Arrow('safety', 'status', 'state'),
    ))
BUS_SERVOS = Diagram(
    'Wiring of build D: bus servos on a USB adapter', 900, 260,
    {
        'computer': Node(90, 60, 'computer'), 'adapter': Node(320, 60, 'bus adapter'),
        'pan': Node(590, 60, 'servo: pan'), 'tilt': Node(800, 60, 'servo: tilt'),
        'supply': Node(90, 200, '12 V supply', 'warm'),
        'estop': Node(330, 200, 'emergency stop', 'bad'),
    },
    (
        Arrow('computer', 'adapter', 'USB'), Arrow('adapter', 'pan', 'bus: 12 V, 0 V, data'),
        Arrow('pan', 'tilt', 'bus'), Arrow('supply', 'estop', '12 V'), Arrow('estop', 'adapter', '12 V, contact 1'),
    ))
PICO = Diagram(
    'Wiring of build F: steppers on a Raspberry Pi Pico', 940, 380,
    {
        'computer': Node(90, 60, 'computer'), 'pico': Node(330, 60, 'Pico'),
        'drivers': Node(610, 60, '2 stepper drivers'), 'motors': Node(860, 60, '2 steppers'),
        'switches': Node(90, 190, '4 limit switches'),
        'supply': Node(90, 320, '12 V supply', 'warm'), 'estop': Node(330, 320, 'emergency stop', 'bad'),
    },
    (
        Arrow('computer', 'pico', 'USB'), Arrow('pico', 'drivers', 'STEP, DIR, ENABLE'),
        Arrow('drivers', 'motors', 'coils'), Arrow('switches', 'pico', 'closed = free'),
        Arrow('supply', 'estop', '12 V'),
        Arrow('estop', 'drivers', '12 V, contact 1'), Arrow('estop', 'pico', 'contact 2'),
    ))
STEP_DIR = Diagram(
    'Wiring of build A: steppers on the pins of a Raspberry Pi', 960, 420,
    {
        'pi': Node(110, 130, 'Raspberry Pi 5'), 'drivers': Node(420, 50, '2 stepper drivers'),
        'motors': Node(720, 50, '2 steppers'), 'switches': Node(420, 140, '4 limit switches'),
        'gate': Node(420, 230, 'watchdog, AND'), 'laser': Node(720, 230, 'laser module', 'hot'),
        'key': Node(720, 350, 'key switch'), 'supply': Node(110, 350, '12 V and 5 V', 'warm'),
        'estop': Node(420, 350, 'emergency stop', 'bad'),
    },
    (
        Arrow('pi', 'drivers', 'STEP, DIR, ENABLE'), Arrow('drivers', 'motors', 'coils'),
        Arrow('switches', 'pi', 'closed = free'), Arrow('pi', 'gate', 'fire, pulses'),
        Arrow('gate', 'laser', 'minus side'), Arrow('supply', 'estop', '12 V, 5 V'), Arrow('estop', 'key', '5 V'),
        Arrow('key', 'laser', 'plus side'),
        Arrow('estop', 'pi', 'contact 2'), Arrow('estop', 'drivers', '12 V', 150),
    ))
DIAGRAMS = {
    'laser_states': LASER, 'track_states': TRACK, 'control_states': CONTROL, 'data_flow': FLOW,
    'wiring_bus_servos': BUS_SERVOS, 'wiring_pico': PICO, 'wiring_step_dir': STEP_DIR,
}


def _edge(node: Node, x: float, y: float) -> tuple[float, float]:
    """Return where the line from the center of a box to a point leaves the box."""
    dx, dy = x - node.x, y - node.y
    scale = max(abs(dx) / (WIDTH / 2 + 4), abs(dy) / (HEIGHT / 2 + 4)) or 1.0
    return node.x + dx / scale, node.y + dy / scale


def _arrow(arrow: Arrow, nodes: dict[str, Node]) -> tuple[str, str]:
    """Return the curve of an arrow, and its label beside the middle of the curve, away from the straight line."""
    start, end = nodes[arrow.start], nodes[arrow.end]
    dx, dy = end.x - start.x, end.y - start.y
    if arrow.start == arrow.end:
        x, y = start.x + WIDTH / 2, start.y
        path, label = f'M{x} {y - 12} C{x + 60} {y - 40} {x + 60} {y + 40} {x + 4} {y + 12}', (x + 58, y - 32)
    else:
        length = (dx * dx + dy * dy) ** 0.5
        label = (start.x + end.x) / 2 - arrow.bend * dy / length, (start.y + end.y) / 2 + arrow.bend * dx / length
        (x1, y1), (x2, y2) = _edge(start, *label), _edge(end, *label)
        middle = 2 * label[0] - (x1 + x2) / 2, 2 * label[1] - (y1 + y2) / 2
        path = f'M{x1:.0f} {y1:.0f} Q{middle[0]:.0f} {middle[1]:.0f} {x2:.0f} {y2:.0f}'
    x, y = label
    if abs(dx) < abs(dy):
        side = -1 if arrow.bend * dy > 0 else 1
        x, anchor = x + 8 * side, 'start' if side > 0 else 'end'
    else:
        y, anchor = y + (12 if arrow.bend * dx > 0 else -10), 'middle'
    return (f'<path d="{path}"/>', f'<text class="label" x="{x:.0f}" y="{y:.0f}" style="text-anchor:{anchor}">'
                                   f'{escape(arrow.label)}</text>')


def svg(diagram: Diagram) -> str:
    """Return a diagram as an SVG file."""
    boxes = [
        f'<rect class="{node.kind}" x="{node.x - WIDTH / 2:.0f}" y="{node.y - HEIGHT / 2:.0f}" width="{WIDTH}" '
        f'height="{HEIGHT}"/><text x="{node.x:.0f}" y="{node.y:.0f}">{escape(node.text)}</text>'
        for node in diagram.nodes.values()]
    arrows = [_arrow(arrow, diagram.nodes) for arrow in diagram.arrows]
    return '\n'.join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {diagram.width} {diagram.height}" role="img">',
        f'<title>{escape(diagram.title)}</title>', f'<style>{STYLE}</style>',
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
        '<polygon points="0 0 10 5 0 10" fill="#5b6b7a"/></marker></defs>',
        f'<rect x="0" y="0" width="{diagram.width}" height="{diagram.height}" style="fill:#fff;stroke:none"/>',
        *(curve for curve, _ in arrows), *boxes, *(label for _, label in arrows), '</svg>', ''])


def main() -> int:
    """Write the diagrams, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--check', action='store_true', help='write nothing; exit 1 when a file is out of date')
    check = parser.parse_args().check
    for name, diagram in DIAGRAMS.items():
        file, text = IMAGES / f'{name}.svg', svg(diagram)
        if check and (not file.exists() or file.read_text() != text):
            sys.stderr.write(f'{file.name} is out of date: run tools/draw_docs.py\n')
            return 1
        if not check:
            file.write_text(text)
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
