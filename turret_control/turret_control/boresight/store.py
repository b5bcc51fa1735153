# SPDX-License-Identifier: Apache-2.0
"""Saved boresight, kept over restarts."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from turret_common.json_file import JsonFile
from turret_common.paths import state_dir
from turret_common.validation import require_finite
from turret_control.boresight.boresight import Boresight

_VERSION = 1


def boresight_file(namespace: str) -> JsonFile[Boresight]:
    """Return the file of the calibrated boresight of a turret; no file means an uncalibrated one."""
    return JsonFile(state_dir(namespace) / 'boresight.json', _VERSION, _parse, _dump)


def _parse(data: Any) -> Boresight:
    values = {name: float(data[name]) for name in ('azimuth', 'elevation', 'offset_y', 'offset_z')}
    require_finite(**values)
    residual = math.nan if data['residual'] is None else float(data['residual'])
    return Boresight(**values, residual=residual, calibrated=True)


def _dump(boresight: Boresight) -> dict[str, Any]:
    residual = None if math.isnan(boresight.residual) else boresight.residual
    return {**dataclasses.asdict(boresight), 'residual': residual}
