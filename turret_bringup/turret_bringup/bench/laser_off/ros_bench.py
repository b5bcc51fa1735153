# SPDX-License-Identifier: Apache-2.0
"""ROS parts of ``./turret bench laser-off``: the operator, the relay of permits, and the simulated person exclusion."""

from __future__ import annotations

import math
import random
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from turret_bringup.client.ros_client import TurretClient
from turret_bringup.client.ros_operator import Operator
from turret_common.ros import qos
from turret_common.threads.periodic import Periodic
from turret_msgs import msg

#: Where the laser under test hears permits.
RELAYED_TOPIC = 'relay/permit'
_PEOPLE_PERIOD_S = 0.1
_NEED_LEASE = ('safety/reset', 'laser/arm')


class BenchOperator(Operator):
    """The operator of the benchmark.

    Attributes:
        laser: newest state of the laser; None = none yet.
    """

    def __init__(self, client: TurretClient) -> None:
        super().__init__(client, 'bench')
        self.laser: msg.LaserState | None = None
        self._client = client

    def observe_laser(self, state: msg.LaserState) -> None:
        """Keep the newest state of the laser."""
        self.laser = state

    def call(self, service: str) -> None:
        """Call a command of the operator. Raises TurretError when there is no answer; a refusal is ignored."""
        self._client.call(service, {'lease_id': self.lease_id} if service in _NEED_LEASE else {})


class PermitRelay:
    """Stands between the safety node and the laser.

    Attributes:
        handle: what is done with each permit that comes.
        recorded: the newest permits that were passed on.
    """

    def __init__(self, client: TurretClient) -> None:
        self.recorded: deque[Any] = deque(maxlen=50)
        self.handle: Callable[[Any], None] = self.pass_on
        publisher = client.node.create_publisher(msg.SafetyPermit, RELAYED_TOPIC, qos.PERMIT)
        self.send: Callable[[Any], None] = publisher.publish

    def receive(self, permit: Any) -> None:
        """Handle a permit of the safety node."""
        self.handle(permit)

    def pass_on(self, permit: Any) -> None:
        """Pass a permit on as it comes."""
        self.recorded.append(permit)
        self.send(permit)

    def replay(self) -> None:
        """Send the recorded permits for a second, repeated and out of order."""
        recorded = list(self.recorded)
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            self.send(random.choice(recorded))
            time.sleep(0.005)


class People:
    """Reports ten times a second whom it sees, in place of the person exclusion.

    Attributes:
        report: gives the message to send; None = stay silent.
        last_ns: when the newest was sent.
    """

    def __init__(self, client: TurretClient) -> None:
        self.report: Callable[[], msg.PeopleArray | None] = self.no_people
        self.last_ns = 0
        self._clock = client.node.get_clock()
        self._publisher = client.node.create_publisher(msg.PeopleArray, 'exclusion/people', qos.STREAM)
        self._thread = Periodic('people', _PEOPLE_PERIOD_S, self._tick, self._on_error)
        self._thread.start()

    def stop(self) -> None:
        """Stop publishing."""
        self._thread.stop()

    def set_report(self, report: Callable[[], msg.PeopleArray | None]) -> None:
        """Set the report, which is sent at once and then periodically."""
        self.report = report
        self._thread.wake()

    @staticmethod
    def no_people() -> msg.PeopleArray:
        """Report that there are no people."""
        return msg.PeopleArray()

    @staticmethod
    def person() -> msg.PeopleArray:
        """Report a person in an unknown direction."""
        return msg.PeopleArray(people=[msg.Person(azimuth=math.nan, elevation=math.nan, radius=math.nan)])

    @staticmethod
    def frozen() -> msg.PeopleArray:
        """Report images that do not change."""
        return msg.PeopleArray(unchanged_s=1.0)

    def _tick(self) -> None:
        message = self.report()
        if message is not None:
            message.header.stamp = self._clock.now().to_msg()
            self.last_ns = time.monotonic_ns()
            self._publisher.publish(message)

    @staticmethod
    def _on_error(error: BaseException) -> None:
        sys.stderr.write(f'people near the beam are not reported any more: {error}\n')
