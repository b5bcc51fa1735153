# SPDX-License-Identifier: Apache-2.0
"""The room that the simulated camera stands in, painted once as a panorama around the camera.

The camera's height is zero; x is forward, y left, z up. Everything stands along the walls and leaves the floor to the
targets. Colors are muted, so that what is saturated is a target.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np

from turret_camera.simulation.panorama import Panorama, Rectangle
from turret_camera.simulation.scene_painter import Canvas, Color, rgb, shaded

_FLOOR, _CEILING = -1.2, 1.75
_FRONT, _BACK, _LEFT, _RIGHT = 6.3, -4.0, 5.2, -5.2
_HEIGHT = _CEILING - _FLOOR
_DETAIL = 110.0  # px per m of the paint

_WALL, _SIDE_WALL = rgb('d6ccbd'), rgb('c9c3b8')
_WHITE, _WOOD, _DARK_WOOD = rgb('ece7dd'), rgb('a98a66'), rgb('6f5741')
_BOOKS = [rgb(code) for code in (
    '7d4f46', '8c6b4f', '55685c', '4f5f73', '9a8f7a', '6b5a6e', 'b5a48a', '5d4a3e', '87948c', 'a6785a', '3f4a52')]

_Front = Callable[[Canvas], None]


def paint_room(seed: int, pixels_per_rad: float) -> Panorama:
    """Return the room.

    Args:
        seed: of everything random in it.
        pixels_per_rad: resolution.
    """
    random = np.random.default_rng(seed)
    boxes, uprights = _boxes(random), _uprights(random)
    furniture = [face for box in boxes for face in _faces(box)] + uprights
    furniture.sort(key=lambda rectangle: -rectangle.distance)
    panorama = Panorama.plain(pixels_per_rad, _WALL)
    for rectangle in [_floor(boxes, random), _ceiling(), *_walls(random), *furniture]:
        panorama.paste(rectangle)
    return panorama


@dataclasses.dataclass(frozen=True)
class _Box:
    """A piece of furniture.

    Attributes:
        low, high: corners in x and y, in m.
        bottom, top: above the floor in m.
        color: of its sides.
        front: paints over its widest upright face.
    """

    low: tuple[float, float]
    high: tuple[float, float]
    bottom: float
    top: float
    color: Color
    front: _Front | None = None


def _vector(x: float, y: float, z: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([x, y, z], np.float64)


def _floor(boxes: list[_Box], random: np.random.Generator) -> Rectangle:
    """Return the floor: x of its image is to the right (-y), y towards the camera (-x)."""
    width, depth = _LEFT - _RIGHT, _FRONT - _BACK
    floor = Canvas(width, depth, _DETAIL, _WOOD)
    plank = 0.16
    for i in range(math.ceil(width / plank)):
        y = -random.uniform(0.0, 1.6)
        while y < depth:
            length = random.uniform(1.1, 2.2)
            floor.rectangle(i * plank, y, plank, length, shaded(_WOOD, random.uniform(0.86, 1.08)))
            floor.line([(i * plank, y), ((i + 1) * plank, y)], 0.006, shaded(_WOOD, 0.6))
            y += length
        floor.line([(i * plank, 0.0), (i * plank, depth)], 0.006, shaded(_WOOD, 0.66))
    floor.grain(random, 6.0, 0.01, 0.6)
    _rug(floor, _LEFT - 1.9, _FRONT - 5.0, 3.8, 2.5)
    shadow = 0.05
    for box in boxes:
        (x0, y0), (x1, y1) = box.low, box.high
        floor.darken(_LEFT - y1 - shadow, _FRONT - x1 - shadow, y1 - y0 + 2 * shadow, x1 - x0 + 2 * shadow, 0.5, 0.08)
    return Rectangle(_vector(_FRONT, _LEFT, _FLOOR), _vector(0, -width, 0), _vector(-depth, 0, 0), floor.image)


def _rug(floor: Canvas, x: float, y: float, width: float, depth: float) -> None:
    floor.darken(x, y, width, depth, 0.35, 0.04)
    for inset, code in ((0.0, '59606b'), (0.12, 'b9ae9a'), (0.2, '6d5a58'), (0.5, 'a89a86'), (0.58, '6a7079')):
        floor.rectangle(x + inset, y + inset, width - 2 * inset, depth - 2 * inset, rgb(code))
    for i in range(9):
        for j in range(4):
            cx, cy, r = x + 0.75 + i * (width - 1.5) / 8, y + 0.75 + j * (depth - 1.5) / 3, 0.11
            floor.polygon([(cx - r, cy), (cx, cy - r), (cx + r, cy), (cx, cy + r)], rgb('a89a86'))
            floor.polygon([(cx - r / 2, cy), (cx, cy - r / 2), (cx + r / 2, cy), (cx, cy + r / 2)], rgb('6d5a58'))


def _ceiling() -> Rectangle:
    width, depth = _LEFT - _RIGHT, _FRONT - _BACK
    ceiling = Canvas(width, depth, 40.0, rgb('e4dfd5'))
    for i in range(3):
        ceiling.rectangle(0.0, 1.6 + i * 3.2, width, 0.22, rgb('b79a78'))
        ceiling.line([(0.0, 1.84 + i * 3.2), (width, 1.84 + i * 3.2)], 0.03, rgb('8d7457'))
        for j in range(2):
            ceiling.ellipse(2.8 + j * 4.8, 3.3 + i * 3.2, 0.14, 0.14, rgb('fffaf0'))
    ceiling.darken(-1.0, -1.0, width + 2.0, 1.2, 0.15, 0.3)
    return Rectangle(_vector(_FRONT, _RIGHT, _CEILING), _vector(0, width, 0), _vector(-depth, 0, 0), ceiling.image)


def _walls(random: np.random.Generator) -> list[Rectangle]:
    sides: list[tuple[tuple[float, float], tuple[float, float], Color, _Front]] = [
        ((_FRONT, _LEFT), (_FRONT, _RIGHT), _WALL, lambda c: _front_wall(c, random)),
        ((_FRONT, _RIGHT), (_BACK, _RIGHT), _SIDE_WALL, lambda c: _right_wall(c, random)),
        ((_BACK, _RIGHT), (_BACK, _LEFT), _WALL, lambda c: _back_wall(c)),
        ((_BACK, _LEFT), (_FRONT, _LEFT), _SIDE_WALL, lambda c: _left_wall(c, random)),
    ]
    rectangles = []
    for (x0, y0), (x1, y1), color, furnish in sides:
        width = math.hypot(x1 - x0, y1 - y0)
        wall = Canvas(width, _HEIGHT, _DETAIL, color)
        wall.grain(random, 1.5, 0.0, 0.0)
        wall.grain(random, 1.8, 0.3, 0.3)
        furnish(wall)
        wall.rectangle(0.0, _HEIGHT - 0.11, width, 0.11, _WHITE)
        wall.line([(0.0, _HEIGHT - 0.11), (width, _HEIGHT - 0.11)], 0.012, shaded(_WHITE, 0.75))
        for x in (-1.0, width):
            wall.darken(x, -1.0, 1.0, _HEIGHT + 2.0, 0.4, 0.35)
        wall.darken(-1.0, -1.0, width + 2.0, 1.0, 0.3, 0.25)
        wall.darken(-1.0, _HEIGHT, width + 2.0, 1.0, 0.35, 0.2)
        rectangles.append(Rectangle(
            _vector(x0, y0, _CEILING), _vector(x1 - x0, y1 - y0, 0), _vector(0, 0, -_HEIGHT), wall.image))
    return rectangles


def _front_wall(wall: Canvas, random: np.random.Generator) -> None:
    _window(wall, 4.35, 0.55, 2.3, 1.35)
    _painting(wall, 7.25, 0.7, 0.55, 0.42, random)
    _painting(wall, 7.25, 1.28, 0.55, 0.42, random)
    _door(wall, 8.7, 0.92)


def _left_wall(wall: Canvas, random: np.random.Generator) -> None:
    for x in (5.35, 6.6, 7.85):
        _painting(wall, x, 0.7, 0.9, 0.66, random)
    _window(wall, 1.2, 0.55, 2.0, 1.35)


def _right_wall(wall: Canvas, random: np.random.Generator) -> None:
    _painting(wall, 2.6, 0.62, 1.4, 0.8, random)
    _clock(wall, 5.1, 0.85)
    _door(wall, 6.6, 0.92)


def _back_wall(wall: Canvas) -> None:
    _window(wall, 2.2, 0.55, 2.0, 1.35)
    _door(wall, 6.5, 0.92)


def _painting(wall: Canvas, x: float, y: float, width: float, height: float, random: np.random.Generator) -> None:
    """Hang up a landscape of a few hills."""
    wall.darken(x + 0.01, y + 0.03, width, height, 0.3, 0.03)
    wall.rectangle(x, y, width, height, _DARK_WOOD)
    wall.rectangle(x + 0.03, y + 0.03, width - 0.06, height - 0.06, _WHITE)
    px, py, pw, ph = x + 0.1, y + 0.1, width - 0.2, height - 0.2
    wall.gradient(px, py, pw, ph, rgb('a9b9c0'), rgb('e2d6c0'))
    hills = [rgb(code) for code in ('8fa09a', '768a7d', '5f705f', '7c6f5a')]
    for i, color in enumerate(hills):
        base, phase = py + ph * (0.42 + 0.16 * i), random.uniform(0.0, 6.3)
        ridge = [(px + pw * s, base - ph * (0.09 * math.sin(phase + 5.0 * s + i) + 0.04 * math.sin(phase + 13.0 * s)))
                 for s in np.linspace(0.0, 1.0, 24)]
        wall.polygon([(px, py + ph), *ridge, (px + pw, py + ph)], shaded(color, random.uniform(0.9, 1.1)))


def _window(wall: Canvas, x: float, y: float, width: float, height: float) -> None:
    wall.rectangle(x - 0.09, y - 0.09, width + 0.18, height + 0.18, _WHITE)
    wall.gradient(x, y, width, height, rgb('b4cbdc'), rgb('e9ecea'))
    for i, code in enumerate(('a9b8b4', '8fa193', '78896f')):
        ridge = [(x + width * s, y + height * (0.66 + 0.1 * i) - 0.08 * math.sin(2.0 + 7.0 * s + 2.1 * i))
                 for s in np.linspace(0.0, 1.0, 24)]
        wall.polygon([(x, y + height), *ridge, (x + width, y + height)], rgb(code))
    wall.rectangle(x + 0.5 * width - 0.035, y, 0.07, height, _WHITE)
    wall.rectangle(x, y + 0.24 * height, width, 0.04, _WHITE)
    wall.rectangle(x - 0.16, y + height + 0.06, width + 0.32, 0.06, shaded(_WHITE, 0.92))
    wall.line([(x - 0.55, y - 0.2), (x + width + 0.55, y - 0.2)], 0.03, _DARK_WOOD)
    for left in (x - 0.5, x + width + 0.02):
        folds = 6
        for i in range(folds):
            w = 0.48 / folds
            fold = shaded(rgb('b8a68d'), 0.86 + 0.2 * (i % 2))
            wall.rectangle(left + i * w, y - 0.19, w + 0.01, height + 0.75, fold)
        wall.darken(left + 0.48, y - 0.1, 0.04, height + 0.6, 0.25, 0.03)


def _door(wall: Canvas, x: float, width: float) -> None:
    top = _HEIGHT - 2.1
    wall.rectangle(x - 0.09, top - 0.09, width + 0.18, 2.19, _WHITE)
    wall.rectangle(x, top, width, 2.1, rgb('b29370'))
    for y, height in ((top + 0.14, 0.85), (top + 1.14, 0.78)):
        wall.rectangle(x + 0.14, y, width - 0.28, height, rgb('9c7f5e'))
        wall.rectangle(x + 0.17, y + 0.03, width - 0.34, height - 0.06, rgb('ab8c69'))
    wall.ellipse(x + 0.08, top + 1.06, 0.03, 0.03, rgb('d8d2c4'))


def _clock(wall: Canvas, x: float, y: float) -> None:
    wall.ellipse(x, y + 0.02, 0.21, 0.21, shaded(_SIDE_WALL, 0.8))
    wall.ellipse(x, y, 0.2, 0.2, _DARK_WOOD)
    wall.ellipse(x, y, 0.175, 0.175, _WHITE)
    for hour in range(12):
        a = hour * math.pi / 6.0
        wall.line([(x + 0.14 * math.sin(a), y - 0.14 * math.cos(a)), (x + 0.16 * math.sin(a), y - 0.16 * math.cos(a))],
                  0.012, rgb('4a4038'))
    wall.line([(x, y), (x - 0.07, y - 0.05)], 0.016, rgb('4a4038'))
    wall.line([(x, y), (x + 0.06, y - 0.11)], 0.012, rgb('4a4038'))


def _boxes(random: np.random.Generator) -> list[_Box]:
    sofa = rgb('7c8489')
    return [
        # In front: bookshelf, sideboard.
        _Box((5.85, 2.25), (_FRONT, 3.85), 0.0, 2.05, _DARK_WOOD, lambda c: _books(c, random)),
        _Box((5.85, -1.9), (_FRONT, -0.1), 0.0, 0.72, _WOOD, _drawers),
        # Left: sofa, small table.
        _Box((1.3, 4.35), (4.3, _LEFT), 0.06, 0.42, sofa, _cushions),
        _Box((1.3, 4.95), (4.3, _LEFT), 0.42, 0.85, sofa, _cushions),
        _Box((1.1, 4.35), (1.35, _LEFT), 0.06, 0.62, shaded(sofa, 0.95)),
        _Box((4.25, 4.35), (4.5, _LEFT), 0.06, 0.62, shaded(sofa, 0.95)),
        _Box((4.75, 4.5), (5.25, _LEFT), 0.0, 0.5, _WOOD, _drawers),
        # Right: sideboard.
        _Box((2.0, _RIGHT), (4.0, -4.75), 0.0, 0.8, _WOOD, _drawers),
        # Behind: wardrobe.
        _Box((_BACK, -0.4), (-3.4, 1.0), 0.0, 2.1, rgb('b9b1a2'), _drawers),
    ]


def _uprights(random: np.random.Generator) -> list[Rectangle]:
    plants = [_upright(x, y, 0.9 * size, size, lambda c: _plant(c, random))
              for x, y, size in ((5.75, -4.7, 1.25), (5.1, 3.95, 1.6), (4.85, -4.8, 0.95))]
    lamps = [_upright(x, y, 0.36, 0.55, _lamp, bottom) for x, y, bottom in ((6.05, -0.55, 0.72), (5.0, 4.85, 0.5))]
    return plants + lamps


def _faces(box: _Box) -> list[Rectangle]:
    """Return what the camera can see of a box."""
    (x0, y0), (x1, y1), z0, z1 = box.low, box.high, box.bottom + _FLOOR, box.top + _FLOOR
    sides: list[tuple[tuple[float, float], tuple[float, float], float]] = []  # left to right as seen, and light
    if x0 > 0:
        sides.append(((x0, y1), (x0, y0), 0.95))
    if x1 < 0:
        sides.append(((x1, y0), (x1, y1), 0.95))
    if y0 > 0:
        sides.append(((x0, y0), (x1, y0), 0.85))
    if y1 < 0:
        sides.append(((x1, y1), (x0, y1), 0.85))
    widest = max(math.dist(a, b) for a, b, _ in sides)
    rectangles = []
    for (ax, ay), (bx, by), light in sides:
        width = math.hypot(bx - ax, by - ay)
        face = Canvas(width, z1 - z0, _DETAIL, shaded(box.color, light))
        if box.front is not None and width == widest:
            box.front(face)
        face.darken(-1.0, z1 - z0 - 0.02, width + 2.0, 1.0, 0.35, 0.06)
        rectangles.append(Rectangle(
            _vector(ax, ay, z1), _vector(bx - ax, by - ay, 0), _vector(0, 0, z0 - z1), face.image))
    if z1 < 0:
        top = Canvas(y1 - y0, x1 - x0, _DETAIL, shaded(box.color, 1.12))
        rectangles.append(Rectangle(_vector(x1, y1, z1), _vector(0, y0 - y1, 0), _vector(x0 - x1, 0, 0), top.image))
    return rectangles


def _upright(x: float, y: float, width: float, height: float, paint: _Front, bottom: float = 0.0) -> Rectangle:
    """Return something flat that stands at a place and is turned to the camera."""
    canvas = Canvas(width, height, _DETAIL, None)
    paint(canvas)
    right = width / math.hypot(x, y) * _vector(y, -x, 0)
    top = bottom + height + _FLOOR
    return Rectangle(_vector(x, y, top) - 0.5 * right, right, _vector(0, 0, -height), canvas.image)


def _books(face: Canvas, random: np.random.Generator) -> None:
    """Paint a bookcase: shelves above, doors below."""
    shelves, doors = 3, 0.75
    pitch, half = (face.height - doors) / shelves, 0.5 * face.width
    for i in range(shelves):
        for left in (0.04, half + 0.02):
            right, floor = left + half - 0.06, (i + 1) * pitch - 0.01
            face.rectangle(left, i * pitch + 0.04, right - left, pitch - 0.05, shaded(_DARK_WOOD, 0.6))
            x = left + 0.01
            while x < right - 0.08:
                w, h = random.uniform(0.025, 0.07), random.uniform(0.6, 0.93) * (pitch - 0.05)
                if random.random() < 0.06:
                    x += 0.12  # a gap
                    continue
                color = shaded(_BOOKS[random.integers(len(_BOOKS))], random.uniform(0.85, 1.2))
                face.rectangle(x, floor - h, w, h, color)
                face.rectangle(x + 0.2 * w, floor - 0.8 * h, 0.6 * w, 0.06 * h, shaded(color, 1.4))
                x += w + 0.004
    for left in (0.03, half + 0.01):
        face.rectangle(left, face.height - doors + 0.02, half - 0.04, doors - 0.06, shaded(_DARK_WOOD, 1.1))
        face.rectangle(left + 0.08, face.height - doors + 0.1, half - 0.2, doors - 0.22, shaded(_DARK_WOOD, 0.95))


def _drawers(face: Canvas) -> None:
    columns = max(round(face.width / 0.6), 1)
    pitch = face.width / columns
    for i in range(columns):
        face.rectangle(i * pitch + 0.02, 0.04, pitch - 0.04, face.height - 0.1, rgb('b5966f'))
        face.rectangle(i * pitch + 0.035, 0.055, pitch - 0.07, face.height - 0.13, rgb('9f8160'))
        face.ellipse((i + 0.5) * pitch, 0.12, 0.05, 0.012, rgb('d8d2c4'))


def _cushions(face: Canvas) -> None:
    pitch = face.width / 3
    for i in range(1, 3):
        face.line([(i * pitch, 0.0), (i * pitch, face.height)], 0.02, rgb('5c6367'))
    face.line([(0.0, 0.03), (face.width, 0.03)], 0.03, rgb('8d959a'))


def _plant(canvas: Canvas, random: np.random.Generator) -> None:
    w, h = canvas.width, canvas.height
    canvas.polygon([(0.36 * w, 0.74 * h), (0.64 * w, 0.74 * h), (0.59 * w, h), (0.41 * w, h)], rgb('8f8a80'))
    canvas.rectangle(0.34 * w, 0.73 * h, 0.32 * w, 0.05 * h, rgb('a09b90'))
    for _ in range(42):
        a = random.uniform(-1.25, 1.25)
        r = random.uniform(0.25, 0.95)
        x, y = 0.5 * w + r * 0.44 * w * math.sin(a), 0.72 * h - r * 0.62 * h * math.cos(a)
        canvas.line([(0.5 * w, 0.74 * h), (x, y)], 0.008, rgb('5d6a4c'))
        leaf = shaded(rgb('66795a'), random.uniform(0.7, 1.2))
        canvas.ellipse(x, y, 0.035 * w, 0.11 * w, leaf, a + random.uniform(-0.4, 0.4))


def _lamp(canvas: Canvas) -> None:
    w, h = canvas.width, canvas.height
    canvas.rectangle(0.47 * w, 0.4 * h, 0.06 * w, 0.56 * h, rgb('6f6a62'))
    canvas.ellipse(0.5 * w, 0.96 * h, 0.22 * w, 0.035 * h, rgb('6f6a62'))
    for top, bottom, color in ((0.7, 0.95, rgb('efe3c8')), (0.45, 0.4, rgb('f7efdc'))):
        canvas.polygon([(0.3 * w, 0.03 * h), (top * w, 0.03 * h), (bottom * w, 0.45 * h), (0.05 * w, 0.45 * h)], color)
