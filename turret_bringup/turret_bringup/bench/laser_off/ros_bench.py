"""What ``./turret bench laser-off`` puts between nodes: a relay for permits, and the word of the person exclusion."""

from __future__ import annotations

import math
import random
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from turret_bringup.bench.laser_off.ros_operator import RosOperator
from turret_common.ros import qos
from turret_common.threads.periodic import Periodic
from turret_msgs import msg

#: Where the laser under test hears permits.
RELAYED_TOPIC = 'relay/permit'
_PEOPLE_PERIOD_S = 0.1


class PermitRelay:
    """Stands between the safety node and the laser.

    Attributes:
        handle: what is done with each permit that comes.
        recorded: the newest permits that were passed on.
    """

    def __init__(self, operator: RosOperator) -> None:
        self.recorded: deque[Any] = deque(maxlen=50)
        self.handle: Callable[[Any], None] = self.pass_on
        publisher = operator.node.create_publisher(msg.SafetyPermit, RELAYED_TOPIC, qos.PERMIT)
        self.send: Callable[[Any], None] = publisher.publish
        operator.on_permit = lambda permit: self.handle(permit)

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

    def __init__(self, operator: RosOperator) -> None:
        self.report: Callable[[], msg.PeopleArray | None] = self.nobody
        self.last_ns = 0
        self._clock = operator.node.get_clock()
        self._publisher = operator.node.create_publisher(msg.PeopleArray, 'exclusion/people', qos.STREAM)
        self._thread = Periodic('people', _PEOPLE_PERIOD_S, self._tick, self._on_error)
        self._thread.start()

    def stop(self) -> None:
        """Fall silent."""
        self._thread.stop()

    def say(self, report: Callable[[], msg.PeopleArray | None]) -> None:
        """Report otherwise from now on, beginning at once."""
        self.report = report
        self._thread.wake()

    @staticmethod
    def nobody() -> msg.PeopleArray:
        """Report that nobody is there."""
        return msg.PeopleArray()

    @staticmethod
    def somebody() -> msg.PeopleArray:
        """Report somebody in a direction that is not known."""
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
        sys.stderr.write(f'nobody says any more who is near the beam: {error}\n')
