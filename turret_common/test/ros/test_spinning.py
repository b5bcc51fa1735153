# SPDX-License-Identifier: Apache-2.0
"""Executors in threads of their own, closed at any moment."""

from __future__ import annotations

import pytest
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor

from turret_common.ros.spinning import SpinningThread
from turret_common.testing.waiting import wait_until


class WatchedExecutor(SingleThreadedExecutor):
    """Notes whether it was shut down while a thread was in it, which rclpy cannot stand."""

    steps = 0
    is_inside = was_inside = False

    def spin_once(self, timeout_sec: float | None = None) -> None:
        self.is_inside = True
        self.steps += 1
        try:
            super().spin_once(timeout_sec)
        finally:
            self.is_inside = False

    def shutdown(self, timeout_sec: float | None = None) -> bool:
        self.was_inside = self.was_inside or self.is_inside
        return bool(super().shutdown(timeout_sec))


@pytest.mark.parametrize('has_work', [True, False])
@pytest.mark.parametrize('is_context_first', [True, False])
def test_the_thread_has_ended_when_its_executor_is_shut_down(has_work: bool, is_context_first: bool) -> None:
    context = Context()
    rclpy.init(context=context)
    node = rclpy.create_node('busy', context=context, start_parameter_services=False)
    executor = WatchedExecutor(context=context)
    executor.add_node(node)
    if has_work:
        node.create_timer(0.0005, lambda: None)
    spinning = SpinningThread(executor)
    wait_until(lambda: executor.steps > (10 if has_work else 0) and executor.is_inside, what='the thread')
    if is_context_first:
        rclpy.try_shutdown(context=context)
    spinning.close()
    assert not executor.was_inside
    assert not executor.is_inside
    node.destroy_node()
    rclpy.try_shutdown(context=context)
