# SPDX-License-Identifier: Apache-2.0
"""Processes of one host discover each other, however many run in the ROS domain."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import ExitStack

from turret_bringup.settings.environment import environment
from turret_common.testing.ros_testing import claim_domain, release_domain

#: Of RTPS: first port for unicast of domain 0, ports of each domain. A process has two of them.
_FIRST_PORT, _PORTS = 7410, 250
#: How many processes the announcements of Fast DDS reach by default.
_USUAL = 32
_PROCESS = """
import sys, time, rclpy
rclpy.init()
node, deadline = rclpy.create_node(sys.argv[1]), time.monotonic() + 60.0
while 'other' not in node.get_node_names() and time.monotonic() < deadline:
    time.sleep(0.1)
print('other' in node.get_node_names(), flush=True)
sys.stdin.read()
"""


def test_processes_that_are_started_after_many_others_discover_each_other() -> None:
    domain = claim_domain()
    variables = {**os.environ, **environment('turret', {}), 'ROS_DOMAIN_ID': str(domain)}
    try:
        with ExitStack() as taken:
            for offset in range(2 * _USUAL + 2):  # those that started before are imitated by their ports
                port = taken.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                port.bind(('', _FIRST_PORT + _PORTS * domain + offset))
            started = [taken.enter_context(subprocess.Popen(
                [sys.executable, '-c', _PROCESS, name], env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                text=True)) for name in ('one', 'other')]
            one, other = started
            assert one.stdout is not None
            found = one.stdout.readline().strip()
            for process in (one, other):
                assert process.stdin is not None
                process.stdin.close()
    finally:
        release_domain(domain)
    assert found == 'True'
