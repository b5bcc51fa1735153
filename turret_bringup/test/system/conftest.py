# SPDX-License-Identifier: Apache-2.0
"""A client of the turret that a module of tests has started."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from turret_bringup.client.ros_client import TurretClient
from turret_bringup.run.isolated_turret import ScratchTurret


@pytest.fixture
def client(turret: ScratchTurret, monkeypatch: pytest.MonkeyPatch) -> Iterator[TurretClient]:
    for name in ('XDG_STATE_HOME', 'ROS_DOMAIN_ID'):
        monkeypatch.setenv(name, turret.environment[name])
    with TurretClient('turret', timeout_s=20.0) as client:
        yield client
