# SPDX-License-Identifier: Apache-2.0
"""Participants of a ROS domain are counted by the ports that they hold."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import pytest

from turret_common.ros.domains import ANNOUNCED_TO, is_in_use, participants
from turret_common.testing.ros_testing import RosHarness, claim_domain, release_domain


@pytest.mark.parametrize('address', ['0.0.0.0', '127.0.0.1'])
def test_a_number_is_taken_by_either_of_its_ports_and_later_ones_do_not_count(address: str) -> None:
    domain = claim_domain()
    try:
        assert participants(domain) == 0
        assert not is_in_use(domain)
        with ExitStack() as stack:
            for offset in (10, 11, 13, 10 + 2 * (ANNOUNCED_TO - 1), 10 + 2 * ANNOUNCED_TO, 9):
                bound = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                bound.bind((address, 7400 + 250 * domain + offset))
            assert participants(domain) == 3
            assert is_in_use(domain)
        assert participants(domain) == 0
    finally:
        release_domain(domain)


def test_each_participant_of_ros_takes_one_number() -> None:
    domain = claim_domain()
    try:
        harnesses = []
        for count in (1, 2):
            harnesses.append(RosHarness(domain))
            assert participants(domain) == count
        for harness in harnesses:
            harness.close()
        assert participants(domain) == 0
    finally:
        release_domain(domain)
