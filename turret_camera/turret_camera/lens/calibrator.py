# SPDX-License-Identifier: Apache-2.0
"""Measuring a lens from views of a board: a chessboard, or one with ArUco markers (ChArUco).

Needs no distances: what one square measures does not matter for the lens.
"""

from __future__ import annotations

import dataclasses
import math
from enum import IntEnum
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from turret_common.errors import TurretError
from turret_common.geometry import Array, PinholeCamera
from turret_common.reason_codes import ReasonCode
from turret_common.validation import require_range

_DICTIONARY = cv2.aruco.DICT_4X4_250
_FEWEST_CORNERS = 12
_STILL_PX = 3.0         # that the board may move between two looks at it: else the view is blurred
_NEW = 0.2              # by how much a view must differ from each other one in place, size and slant together
_MOST_RMS_PX = 2.0
_OUTLIER = 3.0          # times the median error of all views: a view that is left out,
_OUTLIER_PX = 0.5       # unless its error is within what the search for corners allows
_FOV = (math.radians(5.0), math.radians(175.0))
_SIDES = ('left', 'right', 'top', 'bottom')
_OUTER, _SLANTED = 0.3, 0.15


class BoardKind(IntEnum):
    """As in ``CalibrateCamera.action``."""

    CHARUCO = 0
    CHESSBOARD = 1


class Corners(NamedTuple):
    """Corners seen in one image: places on the board in squares, shape (n, 3), and pixels, shape (n, 2)."""

    board: npt.NDArray[np.float32]
    pixels: npt.NDArray[np.float32]


class Board:
    """A board of squares that can be drawn and found."""

    def __init__(self, kind: int, columns: int, rows: int, marker: float) -> None:
        """Describe it.

        Args:
            kind: a :class:`BoardKind`.
            columns: squares across.
            rows: squares down.
            marker: of a ChArUco board: size of a marker over that of a square.

        Raises:
            TurretError: UNKNOWN_NAME, NOT_FINITE or OUT_OF_RANGE.
        """
        if kind not in list(BoardKind):
            raise TurretError(ReasonCode.UNKNOWN_NAME, f'there is no kind of board {kind}')
        require_range('columns', columns, 4, 30)
        require_range('rows', rows, 4, 30)
        require_range('marker', marker, 0.3, 0.95)
        self._size = (columns, rows)
        self._charuco: Any = None
        if kind == BoardKind.CHARUCO:
            dictionary = cv2.aruco.getPredefinedDictionary(_DICTIONARY)
            if hasattr(cv2.aruco, 'CharucoDetector'):
                self._charuco = cv2.aruco.CharucoBoard(self._size, 1.0, marker, dictionary)
                self._detector = cv2.aruco.CharucoDetector(self._charuco)
            else:  # OpenCV 4.6
                old: Any = cv2.aruco
                self._charuco = old.CharucoBoard_create(columns, rows, 1.0, marker, dictionary)

    def draw(self, square_px: int) -> npt.NDArray[np.uint8]:
        """Return its image in gray, with a white margin of half a square."""
        columns, rows = self._size
        margin = square_px // 2
        width, height = columns * square_px + 2 * margin, rows * square_px + 2 * margin
        if self._charuco is not None:
            draw = getattr(self._charuco, 'generateImage', None) or self._charuco.draw
            return np.asarray(draw((width, height), marginSize=margin), np.uint8)
        x, y = np.meshgrid(np.arange(columns), np.arange(rows))
        squares = np.kron((x + y) % 2, np.ones((square_px, square_px))).astype(np.uint8) * np.uint8(255)
        return np.pad(squares, margin, constant_values=255)

    def find(self, gray: npt.NDArray[np.uint8]) -> Corners | None:
        """Return its corners in a gray image; None where too few are seen."""
        if self._charuco is not None:
            pixels, ids = self._charuco_corners(gray)
            if ids is None or len(ids) < _FEWEST_CORNERS:
                return None
            points = self._charuco.getChessboardCorners() if hasattr(
                self._charuco, 'getChessboardCorners') else self._charuco.chessboardCorners
            return Corners(
                np.asarray(points, np.float32)[np.ravel(ids)], np.asarray(pixels, np.float32).reshape(-1, 2))
        inner = (self._size[0] - 1, self._size[1] - 1)
        found, pixels = cv2.findChessboardCornersSB(gray, inner)
        if not found:
            return None
        x, y = np.meshgrid(np.arange(inner[0]), np.arange(inner[1]))
        board = np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], axis=1).astype(np.float32)
        return Corners(board, np.asarray(pixels, np.float32).reshape(-1, 2))

    def _charuco_corners(self, gray: npt.NDArray[np.uint8]) -> tuple[Any, Any]:
        """Return pixels and numbers of the corners between the markers; None where there are none."""
        if hasattr(cv2.aruco, 'CharucoDetector'):
            return self._detector.detectBoard(gray)[:2]
        aruco: Any = cv2.aruco
        corners, ids, _ = aruco.detectMarkers(gray, self._charuco.dictionary)
        if ids is None:
            return None, None
        _, pixels, numbers = aruco.interpolateCornersCharuco(corners, ids, gray, self._charuco)
        return pixels, numbers


@dataclasses.dataclass(frozen=True)
class Lens:
    """What was found: the camera, the RMS of the corners against it in px, and how many views it rests on."""

    camera: PinholeCamera
    rms_px: float
    views: int

    @property
    def horizontal_fov(self) -> float:
        """Angle between the rays through the middles of the left and the right edge, in rad."""
        camera = self.camera
        left, right = (camera.ray(x, camera.cy) for x in (-0.5, camera.width - 0.5))
        return math.acos(max(-1.0, min(1.0, float(left @ right))))


class LensCalibration:
    """Collects views that differ, reports which are missing, and fits the lens."""

    def __init__(self, board: Board, wanted: int) -> None:
        """``wanted`` is the number of views, 5 to 60.

        Raises:
            TurretError: OUT_OF_RANGE.
        """
        require_range('views', wanted, 5, 60)
        self._board = board
        self._wanted = wanted
        self._views: list[Corners] = []
        self._places: list[Array] = []
        self._size = (0, 0)
        self._last: Corners | None = None
        self._seen = False

    @property
    def views(self) -> int:
        """How many have been collected."""
        return len(self._views)

    @property
    def complete(self) -> bool:
        """Whether there are enough."""
        return self.views >= self._wanted

    @property
    def progress(self) -> float:
        """0 to 1."""
        return min(1.0, self.views / self._wanted)

    @property
    def prompt(self) -> str:
        """What to do now, for a person."""
        if not self._seen:
            return 'Show the whole board to the camera.'
        places = np.array(self._places).reshape(-1, 4)
        reached = {
            'left': places[:, 0] < _OUTER, 'right': places[:, 0] > 1.0 - _OUTER,
            'top': places[:, 1] < _OUTER, 'bottom': places[:, 1] > 1.0 - _OUTER}
        missing = next((side for side in _SIDES if not reached[side].any()), None)
        if missing:
            return f'Bring the board to the {missing} of the image and hold it still.'
        if not (places[:, 3] > _SLANTED).any():
            return 'Slant the board and hold it still.'
        return 'Hold the board still in another place, nearer, farther or slanted.'

    def offer(self, gray: npt.NDArray[np.uint8]) -> bool:
        """Look at a gray image; return whether it became a view: the board is seen, stands still, and is somewhere new.

        Raises:
            TurretError: INVALID_ARGUMENT, the size of the image has changed.
        """
        height, width = gray.shape
        if self._views and (width, height) != self._size:
            raise TurretError(ReasonCode.INVALID_ARGUMENT, 'the size of the image has changed')
        self._size = (width, height)
        last, self._last = self._last, self._board.find(gray)
        corners = self._last
        self._seen = corners is not None
        if corners is None or last is None or corners.pixels.shape != last.pixels.shape:
            return False
        if float(np.abs(corners.pixels - last.pixels).max()) > _STILL_PX:
            return False
        place = _place(corners, width, height)
        if any(float(np.abs(place - other).sum()) < _NEW for other in self._places):
            return False
        self._views.append(corners)
        self._places.append(place)
        return True

    def solve(self) -> Lens:
        """Return the lens; this computes for some seconds.

        Raises:
            TurretError: CALIBRATION_FAILED, the views do not fit one lens.
        """
        views = self._views
        for attempt in range(2):
            try:
                rms, matrix, distortion, _, _, _, _, errors = cv2.calibrateCameraExtended(
                    [view.board for view in views], [view.pixels for view in views], self._size,
                    np.eye(3), np.zeros(5), flags=cv2.CALIB_FIX_K3)
            except cv2.error as error:
                raise TurretError(ReasonCode.CALIBRATION_FAILED, f'the views fit no lens: {error.err}') from error
            good = errors.ravel() <= max(_OUTLIER_PX, _OUTLIER * float(np.median(errors)))
            if attempt or good.all():
                break
            views = [view for view, fits in zip(views, good, strict=True) if fits]
        k1, k2, p1, p2, k3 = (float(v) for v in distortion.ravel()[:5])
        (fx, _, cx), (_, fy, cy) = ((float(v) for v in row) for row in matrix[:2])
        lens = Lens(PinholeCamera(*self._size, fx, fy, cx, cy, (k1, k2, p1, p2, k3)), float(rms), len(views))
        if not rms <= _MOST_RMS_PX:
            raise TurretError(
                ReasonCode.CALIBRATION_FAILED, f'the corners are {rms:.1f} px away from any lens; is the board flat, '
                'and does its number of squares match the parameters?')
        if not _FOV[0] < 2.0 * math.atan(0.5 * self._size[0] / fx) < _FOV[1]:
            raise TurretError(ReasonCode.CALIBRATION_FAILED, 'the views fit no lens; slant the board more')
        return lens


def _place(corners: Corners, width: int, height: int) -> Array:
    """Return where and how a board is seen: middle across and down, size and slant, each about 0 to 1."""
    pixels = corners.pixels
    middle = pixels.mean(axis=0) / (width, height)
    # Size and slant of the affine map from the board to the image.
    affine, *_ = np.linalg.lstsq(
        np.c_[corners.board[:, :2], np.ones(len(pixels))].astype(float), pixels.astype(float), rcond=None)
    large, small = np.linalg.svd(affine[:2], compute_uv=False)
    extent = np.ptp(corners.board[:, :2], axis=0)
    size = math.sqrt(float(large * small * extent[0] * extent[1]) / (width * height))
    return np.array([middle[0], middle[1], size, 1.0 - small / large])
