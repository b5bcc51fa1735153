#!/usr/bin/env -S sh -c 'exec "$(dirname "$0")/../.venv/bin/python" "$0" "$@"'
# SPDX-License-Identifier: Apache-2.0
"""Draw the diagrams of the documents as SVG: states, data flow, folders, latency, wiring.

Topics, folders, imports, pins, limits of time and measured times come from the code and the
documents, and are never typed here.

With ``--check`` it writes nothing and fails when a file is out of date.
"""

from __future__ import annotations

import argparse
import ast
import re
import runpy
import sys
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from turret_bringup.settings.configuration import compose
from turret_common.interface import TOPICS
from turret_common.permit import PERMIT_LIFETIME_NS
from turret_control.gimbal.gimbal import COMMAND_TIMEOUT_NS
from turret_control.laser import guardian
from turret_control.laser.state_machine import GRANT_LIFETIME_NS
from turret_control.safety.lease import BEAT_LIFETIME_NS
from turret_control.wiring import HEADER_PINS

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / 'docs' / 'images'
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


class Wire(NamedTuple):
    """A wire from a pin of a board to its end at a part, and the resistor that belongs to it."""

    pin: str
    end: str
    part: str = ''


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
FLOW_NODES = {
    'camera': Node(90, 90, 'camera'), 'vision': Node(370, 90, 'vision'),
    'controller': Node(660, 90, 'controller'), 'gimbal': Node(1020, 90, 'gimbal'),
    'exclusion': Node(90, 260, 'exclusion', 'warm'), 'plant': Node(370, 260, 'plant'),
    'safety': Node(660, 260, 'safety', 'warm'), 'laser': Node(1020, 260, 'laser', 'hot'),
    'bag': Node(90, 420, 'bag'), 'status': Node(370, 420, 'status'), 'web': Node(660, 420, 'web'),
    'browser': Node(1020, 420, 'browser'),
}
#: Topics of the data flow with a subscriber each and the bend of its arrow; the publisher is that of the interface.
FLOW_TOPICS = (
    ('camera/image_raw', 'vision', 0), ('camera/image_raw', 'exclusion', 0), ('vision/tracks', 'controller', 0),
    ('gimbal/command', 'gimbal', 0), ('joint_states', 'controller', 30), ('joint_states', 'vision', 66),
    ('joint_states', 'safety', 24), ('safety/permit', 'gimbal', 24), ('safety/permit', 'laser', -22),
    ('safety/fire_grant', 'laser', 22), ('safety/permit', 'controller', 24), ('controller/fire_request', 'safety', 24),
    ('exclusion/people', 'safety', 44), ('status', 'web', 0), ('safety/state', 'status', 0),
)


def data_flow() -> Diagram:
    """Return the flow of data between the nodes, with the names of the topics."""
    publishers = {topic.name: topic.node for topic in TOPICS}
    arrows = [Arrow(publishers[topic], subscriber, topic, bend) for topic, subscriber, bend in FLOW_TOPICS]
    return Diagram('Flow of data: nodes and the topics between them', 1120, 460, FLOW_NODES, (
        *arrows, Arrow('web', 'browser', 'WebSocket, video'), Arrow('plant', 'camera', 'simulation'),
        Arrow('status', 'bag', 'this and all others')))


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
#: Pin of the board for each GPIO of a Raspberry Pi Pico, from its data sheet.
PICO_PINS = dict(zip((*range(23), 26, 27, 28), (
    1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 16, 17, 19, 20, 21, 22, 24, 25, 26, 27, 29, 31, 32, 34), strict=True))
#: Packages from top to bottom, each row from left to right.
LAYERS = (
    ('turret_bringup',), ('turret_camera', 'turret_vision', 'turret_control', 'turret_web'), ('turret_common',),
    ('turret_msgs',))
DIAGRAMS = {
    'laser_states': LASER, 'track_states': TRACK, 'control_states': CONTROL, 'data_flow': data_flow(),
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
    return _page(diagram.title, diagram.width, diagram.height, [
        *(curve for curve, _ in arrows), *boxes, *(label for _, label in arrows)])


def _page(title: str, width: int, height: int, body: Sequence[str]) -> str:
    return '\n'.join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        f'<title>{escape(title)}</title>', f'<style>{STYLE}</style>',
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
        '<polygon points="0 0 10 5 0 10" fill="#5b6b7a"/></marker></defs>',
        f'<rect x="0" y="0" width="{width}" height="{height}" style="fill:#fff;stroke:none"/>',
        *body, '</svg>', ''])


def _text(x: float, y: float, text: str, style: str = '') -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" style="{style}">{escape(text)}</text>'


def _bar(x: float, y: float, length: float, kind: str) -> str:
    return (f'<rect class="{kind}" style="rx:2" x="{x:.0f}" y="{y - 9:.0f}" width="{max(2.0, length):.0f}" '
            'height="18"/>')


def package_folders(package: str) -> list[str]:
    """Return the folders of a package that hold modules, or the kinds of its interfaces."""
    if package == 'turret_msgs':
        return ['msg', 'srv', 'action']
    return sorted(init.parent.name for init in (ROOT / package / package).glob('*/__init__.py'))


def imported_packages(package: str) -> set[str]:
    """Return the packages of the turret that a package imports."""
    found = set()
    for path in (ROOT / package / package).rglob('*.py'):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module] if isinstance(node, ast.ImportFrom) else [
                alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            found |= {name.partition('.')[0] for name in names if name and name.startswith('turret_')}
    return found - {package}


def folders() -> str:
    """Return the packages with their folders, and an arrow for each package that another one imports."""
    width, gap, line, top = 1100, 20, 17, 14
    boxes: dict[str, tuple[float, float, float, float]] = {}
    body, y = [], float(top)
    for layer in LAYERS:
        each = (width - gap * (len(layer) + 1)) / len(layer)
        columns = 1 if len(layer) > 1 else 7
        rows = max(-(-len(package_folders(package)) // columns) for package in layer)
        height = 38 + line * rows
        for number, package in enumerate(layer):
            x = gap + number * (each + gap)
            boxes[package] = x, y, each, height
            body.append(f'<rect x="{x:.0f}" y="{y:.0f}" width="{each:.0f}" height="{height}"/>')
            body.append(_text(x + each / 2, y + 16, package, 'font-weight:bold'))
            for index, folder in enumerate(package_folders(package)):
                column, row = index % columns, index // columns
                body.append(_text(
                    x + each * (column + 0.5) / columns, y + 38 + line * row, folder, 'font-size:12.5px'))
        y += height + 46
    for package in boxes:
        body += [_import_arrow(package, other, boxes) for other in sorted(imported_packages(package) & set(boxes))]
    return _page('Packages and their folders; an arrow leads to what a package imports', width, round(y - 32), body)


def _import_arrow(
        package: str, other: str, boxes: dict[str, tuple[float, float, float, float]]) -> str:
    """Return an arrow to the next layer, at a place of its own; imports beyond the next layer are left out."""
    rows = {name: number for number, layer in enumerate(LAYERS) for name in layer}
    (x1, y1, w1, h1), (x2, y2, w2, _) = boxes[package], boxes[other]
    if rows[other] == rows[package]:
        right = x2 > x1
        return (f'<path d="M{x1 + (w1 if right else 0):.0f} {y1 + 16:.0f} '
                f'L{x2 + (-3 if right else w2 + 3):.0f} {y2 + 16:.0f}"/>')
    if rows[other] != rows[package] + 1:
        return ''
    x = x1 + w1 / 2 if w1 < w2 else x2 + w2 / 2
    return f'<path d="M{x:.0f} {y1 + h1:.0f} L{x:.0f} {y2 - 3:.0f}"/>'


def measured_ms() -> dict[str, tuple[float, float]]:
    """Return the median and p95 of each part of the way from an image to a command, which docs/aiming.md states."""
    text = ' '.join((ROOT / 'docs' / 'aiming.md').read_text().split())
    number = r'([\d.]+) \(([\d.]+)\)'
    found = re.search(
        rf'{number} until the image is published, {number} in the detector, and {number} for transport', text)
    if found is None:
        raise SystemExit('docs/aiming.md does not state the ages any more that the drawing of the latency shows')
    numbers = [float(value) for value in found.groups()]
    return {name: (numbers[2 * i], numbers[2 * i + 1]) for i, name in enumerate((
        'exposure and camera', 'detector', 'transport, tracker, control'))}


def latency() -> str:
    """Return the times from an image to a command, and the limits after which something stops."""
    left, scale, y = 330.0, 2.2, 50.0
    body = [_text(left, 20, 'From image to command, measured in simulation (median; light: to p95)',
                  'font-weight:bold;text-anchor:start')]
    start = 0.0
    for name, (median, late) in measured_ms().items():
        body += [
            _text(left - 12, y, name, 'text-anchor:end'),
            *(_bar(left + scale * 6 * start, y, scale * 6 * length, kind)
              for kind, length in (('', late), ('warm', median))),
            _text(left + scale * 6 * (start + late) + 10, y, f'{median:g} ms (p95 {late:g})', 'text-anchor:start')]
        start += median
        y += 30
    y += 24
    body.append(_text(
        left, y - 4, 'Limits in the code: silence for so long stops', 'font-weight:bold;text-anchor:start'))
    limits = {
        'guardian: pulse of an armed driver': 1e3 * guardian.ARMED_SILENCE_S,
        'permit of safety': 1e-6 * PERMIT_LIFETIME_NS,
        'command to the gimbal': 1e-6 * COMMAND_TIMEOUT_NS, 'fire grant': 1e-6 * GRANT_LIFETIME_NS,
        "operator's heartbeat": 1e-6 * BEAT_LIFETIME_NS}
    for name, limit in limits.items():
        y += 28
        body += [_text(left - 12, y, name, 'text-anchor:end'),
                 _bar(left, y, scale * limit, 'bad'),
                 _text(left + scale * limit + 10, y, f'{limit:g} ms', 'text-anchor:start')]
    return _page('Latency budget: times from an image to a command, and limits', 1110, round(y + 30), body)


def step_dir_pins() -> str:
    """Return every wire between the header of a Raspberry Pi and the parts of build A, as its example file has them."""
    gimbal, laser, safety = compose('turret', [Path('pi5_step_dir.yaml')], []).hardware()
    motors = gimbal.step_dir

    def at(line: int) -> str:
        return f'GPIO {line}, pin {HEADER_PINS[line]}'

    parts: dict[str, list[Wire]] = {
        f'{name} driver': [
            Wire(at(motor.step_pin), 'STEP'), Wire(at(motor.direction_pin), 'DIR'),
            Wire(at(motor.enable_pin), 'ENABLE', '10 kΩ to 3.3 V')]
        for name, motor in (('pan', motors.pan), ('tilt', motors.tilt))}
    parts['both drivers'] = [
        *(Wire(at(line), f'MS{number}') for number, line in enumerate(motors.microstep_pins, 1)),
        Wire('3.3 V, pin 1', 'VDD, RESET, SLEEP'), Wire('GND, pin 6', 'GND')]
    parts['switches, to GND'] = _switch_wires(at, motors.pan, motors.tilt)
    parts['emergency stop, contact 2'] = [Wire(at(safety.estop_pin), 'to GND')]
    parts['laser electronics'] = [
        Wire(at(laser.laser_pin), '74HC08, input 1', '10 kΩ to GND'),
        Wire(at(laser.watchdog_pin), '74HC123, trigger'), Wire(at(laser.indicator_pin), 'LED, to GND', '1 kΩ')]
    return _pins('Every wire of build A at the header of the Raspberry Pi', 'Raspberry Pi 5', parts)


def pico_pins() -> str:
    """Return every wire between a Pico and the parts of build F, as the firmware's configuration has them."""
    config = runpy.run_path(str(ROOT / 'firmware' / 'pico' / 'config.py'))

    def at(name: str) -> str:
        return f'GP{config[name]}, pin {PICO_PINS[config[name]]}'

    parts = {
        f'{name.lower()} driver': [
            Wire(at(f'{name}_STEP'), 'STEP'), Wire(at(f'{name}_DIR'), 'DIR'),
            Wire(at(f'{name}_ENABLE'), 'ENABLE', '10 kΩ to 3.3 V')]
        for name in ('PAN', 'TILT')}
    parts['both drivers'] = [Wire('3V3, pin 36', 'RESET, SLEEP, M2'), Wire('GND, pin 38', 'GND')]
    parts['switches, to GND'] = [
        Wire(at(f'{name}_{end}'), f'{name.lower()}, {end.lower()}')
        for name in ('PAN', 'TILT') for end in ('LOWER', 'UPPER')]
    parts['emergency stop, contact 2'] = [Wire(at('ESTOP'), 'to GND')]
    parts['laser, on a second Pico'] = [
        Wire(at('LASER'), 'gate of the MOSFET', '10 kΩ to GND'), Wire(at('INDICATOR'), 'LED, to GND', '1 kΩ')]
    return _pins('Every wire of build F at the Pico', 'Pico', parts)


def _switch_wires(at: Callable[[int], str], pan: Any, tilt: Any) -> list[Wire]:
    return [Wire(at(line), f'{name}, {end}') for name, motor in (('pan', pan), ('tilt', tilt))
            for end, line in (('lower', motor.lower_switch_pin), ('upper', motor.upper_switch_pin))]


def _pins(title: str, board: str, parts: dict[str, list[Wire]]) -> str:
    """Return a drawing with one line for each wire, from a pin of the board to its end at a part."""
    row, left, right, body, y = 24, 200, 480, [], 50.0
    for part, wires in parts.items():
        height = row * len(wires) + 34
        body += [f'<rect x="{right}" y="{y:.0f}" width="250" height="{height}"/>',
                 _text(right + 125, y + 16, part, 'font-weight:bold')]
        for number, wire in enumerate(wires):
            at = y + 42 + row * number
            body += [f'<path d="M{left} {at:.0f} L{right} {at:.0f}" style="marker-end:none"/>',
                     _text(left - 10, at, wire.pin, 'text-anchor:end'),
                     _text(right + 14, at, wire.end, 'text-anchor:start'),
                     *([f'<text class="label" x="{(left + right) / 2:.0f}" y="{at:.0f}">{escape(wire.part)}</text>']
                       if wire.part else [])]
        y += height + 12
    box = f'<rect x="20" y="20" width="{left - 20}" height="{y - 32:.0f}"/>'
    return _page(title, 750, round(y + 8), [box, _text(20 + (left - 20) / 2, 36, board, 'font-weight:bold'), *body])


def main() -> int:
    """Write the diagrams, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--check', action='store_true', help='write nothing; exit 1 when a file is out of date')
    check = parser.parse_args().check
    drawings = {name: svg(diagram) for name, diagram in DIAGRAMS.items()}
    drawings |= {'folders': folders(), 'latency': latency(), 'pins_step_dir': step_dir_pins(), 'pins_pico': pico_pins()}
    for name, text in drawings.items():
        file = IMAGES / f'{name}.svg'
        if check and (not file.exists() or file.read_text() != text):
            sys.stderr.write(f'{file.name} is out of date: run tools/draw_docs.py\n')
            return 1
        if not check:
            file.write_text(text)
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
