# SPDX-License-Identifier: Apache-2.0
"""The targets and obstacles of the simulated room, painted once and kept in several sizes."""

from __future__ import annotations

import colorsys
import functools
import math

import cv2
import numpy as np

from turret_camera.frame import Pixels
from turret_camera.simulation.scene import SceneObject
from turret_camera.simulation.scene_painter import Canvas, Color, rgb, shaded

_PHASES = 6  # images of one stride
_STRIDE_S = {'cat': 0.7, 'person': 1.1}
_WALKING = 0.01  # rad/s; slower than this stands still

_SKIN, _HAIR, _DARK, _WHITE = rgb('d8a986'), rgb('3d2c22'), rgb('241d1a'), rgb('f4f1ea')


def sprite(item: SceneObject, t_s: float, height_px: float) -> Pixels:
    """Return the image of an object that moves to the right: BGRA, colors multiplied by alpha.

    Args:
        item: the object.
        t_s: any growing time in s, by which living things walk.
        height_px: how tall it will be shown; the image is as small as it may be for that.
    """
    phase = 0
    if item.kind in _STRIDE_S and abs(item.azimuth_rate) > _WALKING:
        phase = 1 + int(t_s / _STRIDE_S[item.kind] * _PHASES) % _PHASES
    levels = _levels(item.kind, round(item.hue, 2), round(item.width_m / item.height_m, 2), phase)
    return next((level for level in reversed(levels) if level.shape[0] >= height_px), levels[0])


@functools.lru_cache(maxsize=32)
def _levels(kind: str, hue: float, aspect: float, phase: int) -> list[Pixels]:
    """Return one image, each level half as large as the one before.

    Args:
        kind: of the object.
        hue: of its color.
        aspect: width over height.
        phase: 0 = stands, else which part of a stride, from 1.
    """
    swing = math.sin(2.0 * math.pi * (phase - 1) / _PHASES) if phase else 0.0
    if kind == 'balloon':
        levels = [_balloon(hue, aspect)]
    elif kind == 'cat':
        levels = [_cat(hue, swing, phase)]
    elif kind == 'person':
        levels = [_person(hue, swing)]
    else:
        levels = [_pillar(aspect)]
    while min(levels[-1].shape[:2]) > 8:
        h, w = levels[-1].shape[:2]
        levels.append(cv2.resize(levels[-1], (w // 2, h // 2), interpolation=cv2.INTER_AREA))
    return levels


def _hsv(hue: float, saturation: float, value: float) -> Color:
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(255 * blue), round(255 * green), round(255 * red)


def _balloon(hue: float, aspect: float) -> Pixels:
    """A balloon, lit from the upper left."""
    h = 384
    w = round(h * aspect)
    y, x = np.mgrid[:h, :w]
    x, y = (x + 0.5) / w * 2.0 - 1.0, (y + 0.5) / h * 2.0 - 1.0
    yb = (y + 0.06) / 0.94  # the knot is below
    taper = 1.0 - 0.13 * np.clip(yb, 0.0, 1.0) ** 2
    r = np.hypot(x / taper, yb)
    edge = 0.5 * h
    alpha = np.clip((1.0 - r) * edge, 0.0, 1.0)
    knot = np.clip((0.06 + 0.9 * (y - 0.88) - np.abs(x)) * edge, 0.0, 1.0) * (y > 0.85)
    depth = np.sqrt(np.clip(1.0 - r * r, 0.0, 1.0))
    light = np.clip(-0.45 * x - 0.5 * yb + 0.74 * depth, 0.0, 1.0)
    color = np.array(_hsv(hue, 0.88, 0.88), np.float64)
    shade = (0.5 + 0.55 * light)[..., None] * color
    gleam = np.exp(-(((x + 0.36) / 0.17) ** 2 + ((yb + 0.44) / 0.22) ** 2))[..., None]
    shade = shade + gleam * 0.75 * (255.0 - shade) + 30.0 * (r**6 * np.clip(x, 0.0, 1.0))[..., None]
    alpha = np.maximum(alpha, knot)
    image: Pixels = np.dstack([np.clip(shade, 0.0, 255.0) * alpha[..., None], 255.0 * alpha]).astype(np.uint8)
    return image


def _cat(hue: float, swing: float, phase: int) -> Pixels:
    """A tabby cat from its side that walks to the right and looks into the camera."""
    cat = Canvas(0.50, 0.34, 550.0, None)
    cat.shadow(0.245, 0.322, 0.17, 0.014, 0.5)
    fur, belly = _hsv(hue, 0.62, 0.72), _hsv(hue, 0.25, 0.9)
    dark = shaded(fur, 0.62)
    tail = [(0.115 - 0.075 * math.sin(2.6 * s) - 0.03 * s, 0.175 - (0.16 - 0.012 * swing) * s)
            for s in np.linspace(0.0, 1.0, 12)]
    cat.line(tail, 0.028, dark)
    cat.line(tail, 0.022, fur)
    cat.line(tail[-4:], 0.022, dark)
    for x, forward, color in ((0.155, -swing, dark), (0.33, swing, dark), (0.135, swing, fur), (0.35, -swing, fur)):
        lift = 0.012 * max(0.0, math.cos(2.0 * math.pi * (phase - 1) / _PHASES) * forward) if phase else 0.0
        foot = x + 0.045 * forward
        cat.line([(x, 0.2), (x + 0.012 * forward - 0.004, 0.262), (foot, 0.318 - lift)], 0.036, color)
        cat.ellipse(foot + 0.008, 0.322 - lift, 0.024, 0.015, belly)
    cat.ellipse(0.235, 0.19, 0.145, 0.066, fur)
    cat.ellipse(0.145, 0.195, 0.062, 0.064, fur)
    cat.ellipse(0.33, 0.185, 0.06, 0.064, fur)
    cat.ellipse(0.24, 0.232, 0.1, 0.018, belly)
    for x in (0.15, 0.185, 0.22, 0.255, 0.29):
        cat.line([(x, 0.128), (x + 0.008, 0.155), (x + 0.003, 0.18)], 0.011, dark)
    cat.ellipse(0.355, 0.2, 0.035, 0.045, belly)
    _cat_head(cat, 0.385, 0.115, fur, belly, dark)
    return cat.image


def _cat_head(cat: Canvas, x: float, y: float, fur: Color, belly: Color, dark: Color) -> None:
    pink = rgb('d5a297')
    for side in (-1, 1):
        cat.polygon([(x + side * 0.066, y - 0.102), (x + side * 0.078, y - 0.02), (x + side * 0.014, y - 0.06)], fur)
        cat.polygon([(x + side * 0.059, y - 0.082), (x + side * 0.063, y - 0.035), (x + side * 0.03, y - 0.054)], pink)
    cat.ellipse(x, y, 0.082, 0.07, fur)
    for dx in (-0.022, 0.0, 0.022):
        cat.line([(x + dx, y - 0.066), (x + 0.7 * dx, y - 0.04)], 0.009, dark)
    for side in (-1, 1):
        cat.ellipse(x + side * 0.022, y + 0.033, 0.028, 0.022, belly)
        cat.ellipse(x + side * 0.034, y - 0.008, 0.019, 0.017, rgb('d9d08a'))
        cat.ellipse(x + side * 0.034, y - 0.008, 0.007, 0.016, _DARK)
        for dy in (-0.004, 0.008):
            cat.line([(x + side * 0.04, y + 0.032 + dy), (x + side * 0.09, y + 0.026 + 2.5 * dy)], 0.003, _WHITE)
    cat.polygon([(x - 0.011, y + 0.014), (x + 0.011, y + 0.014), (x, y + 0.026)], rgb('a8665c'))
    cat.line([(x - 0.014, y + 0.042), (x, y + 0.036), (x + 0.014, y + 0.042)], 0.004, dark)


def _person(hue: float, swing: float) -> Pixels:
    """A person who faces the camera; the image is 0.5 m x 1.75 m."""
    person = Canvas(0.50, 1.75, 320.0, None)
    person.shadow(0.25, 1.715, 0.22, 0.03, 0.5)
    shirt, jeans, shoe = _hsv(hue, 0.42, 0.6), rgb('39424f'), rgb('2e2a28')
    x, step = 0.25, 0.06 * swing
    for side, lift in ((-1, max(0.0, step)), (1, max(0.0, -step))):
        hip, knee = (x + side * 0.075, 0.92), (x + side * 0.085, 1.3 - 0.6 * lift)
        foot = (x + side * 0.085, 1.66 - lift)
        person.line([hip, knee], 0.135, jeans)
        person.line([knee, foot], 0.1, shaded(jeans, 0.9))
        person.ellipse(foot[0] + side * 0.012, foot[1] + 0.045, 0.055, 0.04, shoe)
    for side, forward in ((-1, -swing), (1, swing)):
        shoulder, elbow = (x + side * 0.165, 0.4), (x + side * 0.2, 0.66 - 0.015 * forward)
        hand = (x + side * (0.195 - 0.02 * forward), 0.9 - 0.03 * forward)
        person.line([elbow, hand], 0.06, _SKIN)
        person.ellipse(hand[0], hand[1] + 0.02, 0.033, 0.045, _SKIN)
        person.line([shoulder, elbow], 0.085, shaded(shirt, 0.86))
    person.polygon([(x - 0.06, 0.31), (x + 0.06, 0.31), (x + 0.2, 0.37), (x + 0.165, 0.62), (x + 0.155, 0.96),
                    (x - 0.155, 0.96), (x - 0.165, 0.62), (x - 0.2, 0.37)], shirt)
    person.polygon([(x + 0.06, 0.31), (x + 0.2, 0.37), (x + 0.165, 0.62), (x + 0.155, 0.96), (x + 0.07, 0.96)],
                   shaded(shirt, 0.88))
    person.line([(x, 0.4), (x, 0.94)], 0.008, shaded(shirt, 0.7))
    person.rectangle(x - 0.05, 0.24, 0.1, 0.1, shaded(_SKIN, 0.84))
    person.polygon([(x - 0.055, 0.31), (x + 0.055, 0.31), (x, 0.4)], shaded(_SKIN, 0.88))
    _face(person, x, 0.15)
    return person.image


def _face(person: Canvas, x: float, y: float) -> None:
    """A face around (x, y), 0.17 m wide, with the light and dark where detectors look for them."""
    person.ellipse(x, y - 0.03, 0.092, 0.115, _HAIR)
    for side in (-1, 1):
        person.ellipse(x + side * 0.084, y + 0.012, 0.014, 0.028, shaded(_SKIN, 0.85))
    person.ellipse(x, y + 0.012, 0.08, 0.108, _SKIN)
    person.ellipse(x, y + 0.07, 0.056, 0.046, _SKIN)
    person.polygon([(x - 0.088, y - 0.02), (x - 0.075, y - 0.085), (x, y - 0.105), (x + 0.075, y - 0.085),
                    (x + 0.088, y - 0.02), (x + 0.06, y - 0.058), (x - 0.01, y - 0.07), (x - 0.065, y - 0.052)], _HAIR)
    for side in (-1, 1):
        person.ellipse(x + side * 0.037, y + 0.0, 0.029, 0.019, shaded(_SKIN, 0.74))
        person.ellipse(x + side * 0.046, y + 0.05, 0.022, 0.017, shaded(_SKIN, 1.09))
        brow = [(x + side * dx, y - dy) for dx, dy in ((0.016, 0.021), (0.04, 0.028), (0.06, 0.02))]
        person.line(brow, 0.011, _HAIR)
        person.ellipse(x + side * 0.037, y + 0.003, 0.017, 0.009, _WHITE)
        person.ellipse(x + side * 0.037, y + 0.003, 0.009, 0.009, _DARK)
    person.line([(x, y - 0.005), (x, y + 0.035)], 0.014, shaded(_SKIN, 1.1))
    person.ellipse(x, y + 0.047, 0.019, 0.009, shaded(_SKIN, 0.72))
    person.ellipse(x, y + 0.04, 0.012, 0.01, shaded(_SKIN, 1.08))
    person.line([(x - 0.031, y + 0.074), (x, y + 0.085), (x + 0.031, y + 0.074)], 0.011, rgb('8f4a44'))
    person.ellipse(x, y + 0.099, 0.022, 0.005, shaded(_SKIN, 0.8))


def _pillar(aspect: float) -> Pixels:
    """A round column with a plinth."""
    pillar = Canvas(aspect, 1.0, 600.0, rgb('b9b2a4'))
    light = np.cos(np.linspace(-1.25, 1.35, pillar.image.shape[1])) * 0.55 + 0.5
    pillar.image = np.clip(pillar.image * light[None, :, None], 0, 255).astype(np.uint8)
    pillar.grain(np.random.default_rng(0), 2.5, 0.02, 0.15)
    for y, height in ((0.0, 0.03), (0.96, 0.04)):
        pillar.rectangle(0.0, y, aspect, height, rgb('a39b8b'))
        pillar.line([(0.0, y + height / 2), (aspect, y + height / 2)], 0.004, rgb('8b8374'))
    return cv2.cvtColor(pillar.image, cv2.COLOR_BGR2BGRA)
