# SPDX-License-Identifier: Apache-2.0
"""Lens calibrations in files of the form that ROS's ``camera_calibration`` writes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import yaml

from turret_common.errors import TurretError
from turret_common.geometry import PinholeCamera
from turret_common.paths import write_atomically
from turret_common.reason_codes import ReasonCode


def load_calibration(path: Path) -> PinholeCamera:
    """Return the camera that a file describes.

    Raises:
        TurretError: NOT_FOUND, or INVALID_ARGUMENT when it is not a calibration of the model ``plumb_bob``.
    """
    try:
        document = yaml.safe_load(path.read_text())
        matrix = [float(v) for v in document['camera_matrix']['data']]
        lens = [float(v) for v in document['distortion_coefficients']['data']]
        width, height, model = document['image_width'], document['image_height'], document['distortion_model']
        if model != 'plumb_bob' or len(matrix) != 9 or len(lens) not in (4, 5):
            raise ValueError(f'not 9 numbers and 5 of the model plumb_bob but {len(matrix)}, {len(lens)} of {model}')
        if not all(math.isfinite(v) for v in matrix + lens) or min(width, height, matrix[0], matrix[4]) <= 0:
            raise ValueError('not every number is finite, or a size or focal length is not positive')
    except OSError as error:
        raise TurretError(ReasonCode.NOT_FOUND, f'calibration {path}: {error.strerror}') from error
    except (ValueError, TypeError, KeyError, yaml.YAMLError) as error:
        raise TurretError(
            ReasonCode.INVALID_ARGUMENT, f'{path} is not a calibration: {type(error).__name__}: {error}') from error
    k1, k2, p1, p2, k3 = (*lens, 0.0)[:5]
    return PinholeCamera(width, height, matrix[0], matrix[4], matrix[2], matrix[5], (k1, k2, p1, p2, k3))


def save_calibration(path: Path, camera: PinholeCamera) -> None:
    """Write what :func:`load_calibration` reads.

    Raises:
        TurretError: IO_ERROR.
    """
    def matrix(rows: int, values: list[float]) -> dict[str, Any]:
        return {'rows': rows, 'cols': len(values) // rows, 'data': values}

    fx, fy, cx, cy = camera.fx, camera.fy, camera.cx, camera.cy
    document = {
        'image_width': camera.width, 'image_height': camera.height, 'camera_name': 'turret',
        'camera_matrix': matrix(3, [fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0]), 'distortion_model': 'plumb_bob',
        'distortion_coefficients': matrix(1, list(camera.distortion)),
        'rectification_matrix': matrix(3, [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]),
        'projection_matrix': matrix(3, [fx, 0.0, cx, 0.0, 0.0, fy, cy, 0.0, 0.0, 0.0, 1.0, 0.0])}
    try:
        write_atomically(path, yaml.safe_dump(document, sort_keys=False).encode())
    except OSError as error:
        raise TurretError(ReasonCode.IO_ERROR, f'the calibration cannot be saved: {error}') from error
