# SPDX-License-Identifier: Apache-2.0
"""Legacy controller: the step rates are those on record."""

from __future__ import annotations

import pytest

from turret_bringup.bench.aim.legacy_controller import HEIGHT, WIDTH, LegacyController, PixelBox


@pytest.mark.parametrize(('error_px', 'steps'), [(20.1, 50.0), (192.0, 51.0), (480.0, 57.0), (960.0, 72.0)])
def test_steady_step_rates(error_px: float, steps: float) -> None:
    controller = LegacyController()
    target = PixelBox(0.5 * WIDTH + error_px, 0.5 * HEIGHT, 100.0, 100.0)
    for image in range(90):
        rates = controller.step([target], image / 30.0)
    assert rates == (pytest.approx(steps, abs=0.5), 0.0)


def test_signs_dead_zone_and_loss() -> None:
    middle = (0.5 * WIDTH, 0.5 * HEIGHT)
    right, up = LegacyController().step([PixelBox(middle[0] - 300.0, middle[1] - 300.0, 50.0, 50.0)], 0.0)
    assert right < 0.0 < up
    controller = LegacyController()
    assert controller.step([PixelBox(middle[0] + 19.0, middle[1] - 19.0, 50.0, 50.0)], 0.0) == (0.0, 0.0)
    controller.step([PixelBox(middle[0] + 300.0, middle[1], 50.0, 50.0)], 0.1)
    assert controller.step([], 0.2) == (0.0, 0.0)
