# SPDX-License-Identifier: Apache-2.0
"""ROS parts of ``./turret bench laser-off``: the operator, the relay of permits, and the simulated person exclusion."""

from __future__ import annotations

import copy
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

#: Where the laser under test hears permits and fire grants, by where the safety node publishes them.
RELAYED_TOPICS = {'safety/permit': 'relay/permit', 'safety/fire_grant': 'relay/fire_grant'}
_KINDS = {'safety/permit': msg.SafetyPermit, 'safety/fire_grant': msg.FireGrant}
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

    def home(self) -> None:
        """Home the head, which it does not by itself after a stop. Raises TurretError where that fails."""
        with self._client.start('gimbal/home', {'lease_id': self.lease_id}) as homing:
            homing.result(20.0)


class Relay:
    """Stands between the safety node and the laser, for the messages of one topic.

    Attributes:
        handle: what is done with each message that comes.
        recorded: the newest messages that were passed on.
    """

    def __init__(self, client: TurretClient, topic: str) -> None:
        self.recorded: deque[Any] = deque(maxlen=50)
        self.handle: Callable[[Any], None] = self.pass_on
        publisher = client.node.create_publisher(_KINDS[topic], RELAYED_TOPICS[topic], qos.PERMIT)
        self.send: Callable[[Any], None] = publisher.publish

    def receive(self, message: Any) -> None:
        """Handle a message of the safety node."""
        self.handle(message)

    def pass_on(self, message: Any) -> None:
        """Pass a message on as it comes."""
        self.recorded.append(message)
        self.send(message)

    def replay(self) -> None:
        """Send the recorded messages for a second, repeated and out of order."""
        recorded = list(self.recorded)
        self._for_a_second(lambda: random.choice(recorded))

    def forge(self, **changes: Any) -> None:
        """Send for a second what was recorded last, numbered and dated as new, without the key of the run."""
        last = self.recorded[-1]

        def forged() -> Any:
            message = copy.deepcopy(last)
            last.seq += 1
            message.seq, message.monotonic_ns = last.seq + 1000, time.monotonic_ns()
            for field, value in changes.items():
                setattr(message, field, value)
            return message
        self._for_a_second(forged)

    def _for_a_second(self, make: Callable[[], Any]) -> None:
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            self.send(make())
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
