# SPDX-License-Identifier: Apache-2.0
"""Executors that another thread shuts down at any moment."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import rclpy
from rclpy.context import Context
from rclpy.exceptions import InvalidHandle
from rclpy.executors import SingleThreadedExecutor

from turret_common.ros.internals import spin


@pytest.fixture
def executor() -> Iterator[SingleThreadedExecutor]:
    context = Context()
    rclpy.init(context=context)
    yield SingleThreadedExecutor(context=context)
    rclpy.try_shutdown(context=context)


@pytest.mark.parametrize('is_shut_down', [True, False])
def test_only_a_shutdown_excuses_a_guard_condition_that_is_gone(
        executor: SingleThreadedExecutor, is_shut_down: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def step() -> None:
        if is_shut_down:
            executor.shutdown()
        raise InvalidHandle('destruction was requested')

    monkeypatch.setattr(executor, 'spin_once', step)
    if is_shut_down:
        spin(executor)
    else:
        with pytest.raises(InvalidHandle):
            spin(executor)


def test_it_ends_when_the_context_is_shut_down(executor: SingleThreadedExecutor) -> None:
    executor.create_task(lambda: rclpy.try_shutdown(context=executor.context))
    spin(executor)
    assert not executor.context.ok()
