# SPDX-License-Identifier: Apache-2.0
"""A process that is started again after a kill does not listen where others still reach the dead one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil

from turret_bringup.run.shared_memory import Leftovers
from turret_common.testing.ros_testing import claim_domain
from turret_common.testing.waiting import wait_until

_NODE = """
import rclpy
rclpy.init()
node = rclpy.create_node('any')
print('ready', flush=True)
rclpy.spin(node)
"""


def discovery_port(process: subprocess.Popen[str], domain: int) -> int:
    """Return the port at which a process hears of others."""
    assert process.stdout is not None
    assert process.stdout.readline() == 'ready\n'
    first = 7400 + 250 * domain
    named = psutil.Process(process.pid)
    connections = named.net_connections if hasattr(named, 'net_connections') else named.connections  # before psutil 6
    found = {each.laddr.port for each in connections('udp')}
    return min(port for port in found if first + 10 <= port < first + 250)


def test_the_successor_of_a_killed_process_has_ports_of_its_own() -> None:
    domain = claim_domain()
    environment = {**os.environ, 'ROS_DOMAIN_ID': str(domain), 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen([sys.executable, '-c', _NODE], env=environment, stdout=subprocess.PIPE, text=True)
    leftovers = Leftovers()
    leftovers.clear()
    processes = [start()]
    try:
        first = discovery_port(processes[0], domain)
        processes[0].kill()
        processes[0].wait()

        def kept() -> bool:  # not before the lock of the dead process is a second old
            leftovers.clear()
            return f':{first:04X} ' in Path('/proc/net/udp').read_text()
        wait_until(kept, what='the port of the dead process being kept')
        processes.append(start())
        assert discovery_port(processes[1], domain) != first
    finally:
        for process in processes:
            process.kill()
            process.wait()
