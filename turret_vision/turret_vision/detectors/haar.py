# SPDX-License-Identifier: Apache-2.0
"""Detection with the Haar cascades that come with OpenCV."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import ClassVar, NamedTuple

import cv2

from turret_common.errors import TurretError
from turret_common.params import param
from turret_common.reason_codes import ReasonCode
from turret_vision.detectors.detection import Box, Detection, View
from turret_vision.detectors.detector import Detector, width_param


@dataclasses.dataclass(frozen=True)
class HaarParameters:
    """Detection with the Haar cascades that come with OpenCV."""

    width: int = width_param(400)
    mode: str = param(
        'face', 'Haar cascade', live=True,
        choices=('face', 'face_alt', 'face_profile', 'eye', 'smile', 'body', 'upper_body', 'lower_body', 'cat_face'))
    scale_factor: float = param(
        0.0, 'Ratio between the sizes searched; 0 = default of the cascade', minimum=0.0, maximum=4.0, live=True)
    min_neighbors: int = param(
        0, 'Number of overlapping hits that make a detection; 0 = default of the cascade', minimum=0, maximum=100,
        live=True)

    min_size: int = param(
        0, 'Minimum size of an object, in pixels of the full image; 0 = default of the cascade', unit='px', minimum=0,
        maximum=2000, live=True)

    def __post_init__(self) -> None:
        if 0.0 < self.scale_factor < 1.01:
            raise ValueError(f'haar.scale_factor is {self.scale_factor:g}; it must be 0 or at least 1.01')


class _Cascade(NamedTuple):
    file: str
    scale_factor: float
    min_neighbors: int
    min_size: tuple[int, int]  # px of the full image


CASCADES = {
    'face': _Cascade('haarcascade_frontalface_default.xml', 1.1, 5, (30, 30)),
    'face_alt': _Cascade('haarcascade_frontalface_alt2.xml', 1.1, 4, (30, 30)),
    'face_profile': _Cascade('haarcascade_profileface.xml', 1.1, 5, (30, 30)),
    'eye': _Cascade('haarcascade_eye.xml', 1.1, 10, (20, 20)),
    'smile': _Cascade('haarcascade_smile.xml', 1.8, 20, (25, 25)),
    'body': _Cascade('haarcascade_fullbody.xml', 1.1, 3, (50, 100)),
    'upper_body': _Cascade('haarcascade_upperbody.xml', 1.1, 4, (40, 40)),
    'lower_body': _Cascade('haarcascade_lowerbody.xml', 1.1, 4, (40, 50)),
    'cat_face': _Cascade('haarcascade_frontalcatface_extended.xml', 1.1, 4, (30, 30)),
}


class HaarDetector(Detector[HaarParameters]):
    """Finds faces, eyes, smiles, bodies or cats with one cascade.

    Raises:
        TurretError: DETECTOR_FAILED where OpenCV comes without the cascade.
    """

    name: ClassVar = 'haar'
    exact_width = True
    groups: ClassVar = {name: HaarParameters}

    def __init__(self, parameters: HaarParameters) -> None:
        super().__init__(parameters)
        self._cascade = CASCADES[parameters.mode]
        self._classifier = cv2.CascadeClassifier(str(_find(self._cascade.file)))
        if self._classifier.empty():
            raise TurretError(ReasonCode.DETECTOR_FAILED, f'{self._cascade.file} cannot be read')

    def detect(self, view: View) -> list[Detection]:
        """Return what the cascade finds; the confidence grows from 0.5 with the number of overlapping hits."""
        cascade, neighbors = self._cascade, self._parameters.min_neighbors or self._cascade.min_neighbors
        width, height = cascade.min_size
        if self._parameters.min_size:
            width, height = self._parameters.min_size, round(self._parameters.min_size * height / width)
        boxes, hits = self._classifier.detectMultiScale2(
            cv2.equalizeHist(view.gray), self._parameters.scale_factor or cascade.scale_factor, neighbors,
            minSize=(int(width / view.scale), int(height / view.scale)))
        return [
            Detection(self.mode, Box.from_rect(*map(float, box)), float(n) / (float(n) + neighbors))
            for box, n in zip(boxes, hits, strict=True)]


def _find(file: str) -> Path:
    folders = [Path('/usr/share/opencv4/haarcascades'), Path('/usr/share/opencv/haarcascades')]
    if hasattr(cv2, 'data'):  # the wheel; distributions keep the cascades in a package of their own
        folders.insert(0, Path(cv2.data.haarcascades))
    for folder in folders:
        if (folder / file).is_file():
            return folder / file
    raise TurretError(ReasonCode.DETECTOR_FAILED, f'{file} not found: install opencv-data or opencv-python below 5')
