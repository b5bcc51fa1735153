# SPDX-License-Identifier: Apache-2.0
"""A lens is measured from views of a board."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from board_images import LENS, board_image, poses

from turret_camera.lens.calibration_file import load_calibration, save_calibration
from turret_camera.lens.calibrator import Board, BoardKind, Corners, LensCalibration
from turret_common.errors import TurretError


@pytest.mark.parametrize('kind', list(BoardKind))
def test_a_lens_is_found_and_kept_in_a_file(kind: BoardKind, tmp_path: Path) -> None:
    board = Board(kind, 9, 6, 0.75)
    calibration = LensCalibration(board, 8)
    for turn, middle in poses():
        seen = board_image(board, turn, middle)
        assert not calibration.offer(seen)  # a board that has just come may still move
        calibration.offer(seen)
        if calibration.complete:
            break
    assert calibration.complete
    lens = calibration.solve()
    assert lens.rms_px < 0.3
    save_calibration(tmp_path / 'lens.yaml', lens.camera)
    found = load_calibration(tmp_path / 'lens.yaml')
    assert found == lens.camera
    for x, y in ((20.0, 20.0), (320.0, 240.0), (620.0, 460.0), (320.0, 20.0)):
        apart = math.acos(min(1.0, float(found.ray(x, y) @ LENS.ray(x, y))))
        assert math.degrees(apart) < 0.15


def test_it_says_what_is_missing_and_takes_no_view_twice() -> None:
    board = Board(BoardKind.CHARUCO, 9, 6, 0.75)
    calibration = LensCalibration(board, 5)
    assert 'whole board' in calibration.prompt
    seen = board_image(board, (0.0, 0.0, 0.0), (0.0, 0.0, 12.0))
    taken = [calibration.offer(seen) for _ in range(4)]
    assert taken == [False, True, False, False]
    assert 'left' in calibration.prompt
    moved = board_image(board, (0.0, 0.0, 0.0), (1.5, 0.0, 12.0))
    assert not calibration.offer(moved)
    assert calibration.progress == pytest.approx(0.2)
    with pytest.raises(TurretError):
        calibration.offer(seen[:400])


class RoughBoard(Board):
    """A board whose corners are found with an error that the test chooses."""

    rough_px = 0.0

    def find(self, gray: npt.NDArray[np.uint8]) -> Corners | None:
        corners = super().find(gray)
        if corners is None:
            return None
        noise = np.random.default_rng(0).normal(0.0, self.rough_px, corners.pixels.shape)
        return corners._replace(pixels=(corners.pixels + noise).astype(np.float32))


@pytest.mark.parametrize(('rough_px', 'kept'), [(0.2, 6), (4.0, 5)])
def test_only_a_view_that_is_far_off_is_left_out(rough_px: float, kept: int) -> None:
    board = RoughBoard(BoardKind.CHESSBOARD, 9, 6, 0.75)
    calibration = LensCalibration(board, 6)
    for turn, middle in poses():
        board.rough_px = rough_px if calibration.views == 3 else 0.0
        seen = board_image(board, turn, middle)
        calibration.offer(seen)
        calibration.offer(seen)
        if calibration.complete:
            break
    assert calibration.solve().views == kept


@pytest.mark.parametrize(('kind', 'columns', 'rows', 'marker'), [
    (7, 9, 6, 0.75), (0, 3, 6, 0.75), (0, 9, 40, 0.75), (0, 9, 6, math.nan), (0, 9, 6, 1.0)])
def test_a_board_that_cannot_be_is_refused(kind: int, columns: int, rows: int, marker: float) -> None:
    with pytest.raises(TurretError):
        Board(kind, columns, rows, marker)
