# SPDX-License-Identifier: Apache-2.0
"""Images of a board as a camera with a known lens sees it."""

from __future__ import annotations

import functools

import cv2
import numpy as np
import numpy.typing as npt

from turret_camera.lens.calibrator import Board
from turret_common.geometry import PinholeCamera

LENS = PinholeCamera(640, 480, 520.0, 524.0, 327.0, 233.0, (-0.14, 0.04, 0.001, -0.001, 0.0))
SQUARE_PX = 60


@functools.cache
def rays_of_lens() -> npt.NDArray[np.float64]:
    x, y = np.meshgrid(np.arange(LENS.width, dtype=float), np.arange(LENS.height, dtype=float))
    return LENS.rays(x, y)


def board_image(
        board: Board, turn: tuple[float, float, float], middle: tuple[float, float, float]) -> npt.NDArray[np.uint8]:
    """Return what the lens sees of a board, whose squares measure 1, turned about its middle (Rodrigues)."""
    drawn = board.draw(SQUARE_PX)
    rays = rays_of_lens()
    rotation, _ = cv2.Rodrigues(np.array(turn))
    normal, place = rotation[:, 2], np.array(middle)
    on_board = ((rays * ((place @ normal) / (rays @ normal))[..., None]) - place) @ rotation[:, :2]
    columns, rows = (on_board[..., i] * SQUARE_PX + 0.5 * (n - 1) for i, n in enumerate(drawn.shape[::-1]))
    seen = cv2.remap(
        drawn, columns.astype(np.float32), rows.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT,
        borderValue=(120,))
    return cv2.GaussianBlur(seen, (0, 0), 0.7)  # type: ignore[return-value]


def poses() -> list[tuple[tuple[float, float, float], tuple[float, float, float]]]:
    rng = np.random.default_rng(3)
    return [
        (tuple(rng.uniform(-0.6, 0.6, 3)), (float(rng.uniform(-2.5, 2.5)), float(rng.uniform(-1.8, 1.8)), float(z)))
        for z in np.linspace(12.0, 16.0, 40)]
