"""The boresight, kept over restarts."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

from turret_common.errors import TurretError
from turret_common.paths import write_atomically
from turret_common.reason_codes import ReasonCode
from turret_control.boresight.boresight import Boresight


def load_boresight(path: Path) -> Boresight:
    """Return the boresight that was saved; the one of a laser in the camera where there is none.

    Raises:
        TurretError: IO_ERROR when the file cannot be read or makes no sense.
    """
    try:
        data = json.loads(path.read_bytes())
        values = {name: float(data[name]) for name in ('azimuth', 'elevation', 'offset_y', 'offset_z')}
        if not all(map(math.isfinite, values.values())):
            raise ValueError('a value is not finite')
        residual = math.nan if data['residual'] is None else float(data['residual'])
    except FileNotFoundError:
        return Boresight()
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise TurretError(ReasonCode.IO_ERROR, f'the boresight in {path} cannot be read: {error}') from error
    return Boresight(**values, residual=residual, calibrated=True)


def save_boresight(path: Path, boresight: Boresight) -> None:
    """Save a boresight; one that is not calibrated removes the file.

    Raises:
        TurretError: IO_ERROR.
    """
    data = dataclasses.asdict(boresight)
    if math.isnan(boresight.residual):
        data['residual'] = None
    try:
        if boresight.calibrated:
            write_atomically(path, json.dumps(data, indent=2).encode())
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise TurretError(ReasonCode.IO_ERROR, f'the boresight cannot be saved: {error}') from error
