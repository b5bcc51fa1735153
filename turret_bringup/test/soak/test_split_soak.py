# SPDX-License-Identifier: Apache-2.0
"""Fifty cuts of the link between the halves of a turret, within their limits."""

from __future__ import annotations

import pytest

from turret_bringup.bench.split.namespaces import linked_hosts
from turret_bringup.bench.split.split import IN_VIEW, probe, split_turret
from turret_common.errors import TurretError


@pytest.mark.soak
def test_fifty_cuts_of_the_link_stop_everything_in_time_and_everything_returns() -> None:
    try:
        with linked_hosts() as link, split_turret(link, *IN_VIEW) as turret:
            assert [row for row in probe(turret, link, 'cuts', '50', '3') if not row.passed] == []
    except TurretError as error:
        pytest.skip(error.message)
