# SPDX-License-Identifier: Apache-2.0
"""Real footage in the closed loop of ``./turret bench aim``: a virtual pan-tilt head, evaluated by hand-marked boxes.

The motion detector of the turret processes the part of each frame that the virtual camera sees; the rest of the loop is
as in :mod:`turret_bringup.bench.aim.rig`. Positions of the boxes are interpolated between frames.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from turret_bringup.bench.aim.rig import CAMERA, VISION_JITTER_S, Conditions, Follower, Frame, Rig, Sample
from turret_common.params import build
from turret_vision.detectors.detection import Detection
from turret_vision.footage.clips import MAX_PAN, MAX_TILT, RATES_HZ, FootageGroundTruth, frames, look
from turret_vision.footage.ground_truth_boxes import CARS_CLIP, WALKERS_CLIP
from turret_vision.vision import Vision
from turret_vision.vision_parameters import VisionParameters

#: Clip and length in s of each scenario.
FOOTAGE = {'walkers': (WALKERS_CLIP, 48.0), 'cars': (CARS_CLIP, 30.0)}


class FootageRig(Rig):
    """Closed loop with frames of a video clip."""

    def __init__(self, follower: Follower, folder: Path, clip: str, seed: int) -> None:
        """Start at home; ``folder`` holds the clip."""
        self._period_s = 1.0 / RATES_HZ[clip]
        self._images = frames(str(folder / clip))
        self._shown = -1
        self._marks = FootageGroundTruth(clip)
        self._vision = Vision(build(VisionParameters, {'method': 'motion'}))
        super().__init__(follower, 'empty', seed, reach=(MAX_PAN, MAX_TILT))

    def _exposures(self) -> Iterator[Frame]:
        number = 0
        while True:
            exposure = number * self._period_s
            jitter = self._random.uniform(-VISION_JITTER_S, VISION_JITTER_S)
            yield Frame(exposure, exposure + Conditions().delay_s + jitter)
            number += 1

    def _detect(self, time: float) -> list[Detection]:
        image, pose = None, self._poses.at(time)
        while self._shown < round(time / self._period_s):
            image = next(self._images, None)
            self._shown += 1
        if image is None or pose is None:
            return []
        scene = self.plant.scene(round(1e9 * time))
        return self._vision.process(look(image, CAMERA, scene['pan'], scene['tilt']), time, CAMERA, pose).detections

    def _evaluate(self, now: float) -> Sample:
        truth = self.plant.truth()
        aim = self._marks.judge(now, truth.pan, truth.tilt)
        track_id = self._follower.track_id
        if aim is None:
            return Sample(now, math.nan, False, '', track_id)
        return Sample(now, aim.error, True, aim.name if track_id else '', track_id, aim.name, aim.inside)
