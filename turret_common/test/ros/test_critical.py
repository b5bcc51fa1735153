# SPDX-License-Identifier: Apache-2.0
"""A failing critical thread stops its node; coroutines await results of other threads."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from std_srvs.srv import Trigger

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_common.ros.critical import Done, critical, ended, result_of
from turret_common.testing.ros_testing import RosHarness
from turret_common.testing.waiting import wait_until


def test_the_failure_of_a_critical_thread_shuts_the_context_down(ros: RosHarness) -> None:
    cycles: list[int] = []

    def step() -> None:
        cycles.append(1)
        if len(cycles) == 3:
            raise RuntimeError('broken')
    thread = critical(ros.probe, 'example', 0.001, step)
    assert not cycles
    thread.start()
    wait_until(lambda: not ros.context.ok(), what='shutdown')
    thread.stop()
    assert len(cycles) == 3


class Server:
    """A service whose answer comes from another thread."""

    def __init__(self, ros: RosHarness) -> None:
        self.node = ros.probe
        self.worker = ThreadPoolExecutor(1)
        self.release = threading.Event()
        self.error: TurretError | None = None
        self.node.create_service(Trigger, 'job', self._job)
        self.node.create_service(Trigger, 'procedure', self._procedure)

    def _work(self) -> str:
        if self.error:
            raise self.error
        return threading.current_thread().name

    async def _job(self, _: Any, response: Any) -> Any:
        try:
            response.message = await result_of(self.node, self.worker.submit(self._work))
            response.success = True
        except TurretError as error:
            response.message = error.message
        return response

    async def _procedure(self, _: Any, response: Any) -> Any:
        def start(done: Done) -> None:
            threading.Timer(0.01, done, [self.error]).start()
        try:
            await ended(self.node, start)
            response.success = True
        except TurretError as error:
            response.message = error.message
        return response


@pytest.mark.parametrize('service', ['job', 'procedure'])
@pytest.mark.parametrize('error', [None, TurretError(ReasonCode.BUSY, 'refused')])
def test_a_coroutine_gets_the_result_or_the_error_of_another_thread(
        ros: RosHarness, service: str, error: TurretError | None) -> None:
    server = Server(ros)
    server.error = error
    response = ros.call(Trigger, service, Trigger.Request())
    assert response.success is (error is None)
    if error is not None:
        assert response.message == 'refused'
    elif service == 'job':
        assert response.message != threading.current_thread().name
    server.worker.shutdown()
