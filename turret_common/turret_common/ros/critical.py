# SPDX-License-Identifier: Apache-2.0
"""Threads beside the executor: those whose failure ends the node, and results of other threads in coroutines."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from rclpy.node import Node
from rclpy.task import Future as RosFuture

from turret_common.errors import TurretError
from turret_common.threads.periodic import Periodic

ResultT = TypeVar('ResultT')

#: Called once with how a procedure ended: None = it succeeded.
Done = Callable[[TurretError | None], None]


def critical(
        node: Node, name: str, period_s: float, step: Callable[[], None],
        wait: Callable[[float], bool] | None = None, *, real_time: bool = False) -> Periodic:
    """Return a thread, not started, that calls ``step`` periodically and whose failure ends the node.

    Args:
        node: the owner; it stops the thread in ``destroy_node``.
        name: of the thread; also in the log.
        period_s: as for :class:`Periodic`.
        step: the work of one cycle; an exception shuts the node's context down, so that its process ends.
        wait: as for :class:`Periodic`.
        real_time: as for :class:`Periodic`.
    """
    return Periodic(name, period_s, step, fatal(node, name), wait, real_time=real_time)


def fatal(node: Node, name: str) -> Callable[[BaseException], None]:
    """Return an error handler for the thread ``name``: it logs the error and shuts the node's context down."""
    def on_error(error: BaseException) -> None:
        node.get_logger().fatal(f'thread "{name}" failed, the node stops: {type(error).__name__}: {error}')
        node.context.try_shutdown()
    return on_error


async def result_of(node: Node, job: Future[ResultT]) -> ResultT:
    """Await the result of a job of another thread, or raise its error, while the node's executor keeps working."""
    done = RosFuture()

    def wake(finished: Future[Any]) -> None:  # in the other thread: the executor must be woken
        if node.executor is not None:
            node.executor.create_task(done.set_result, finished)
    job.add_done_callback(wake)
    result: ResultT = (await done).result()
    return result


async def ended(node: Node, start: Callable[[Done], None]) -> None:
    """Start a procedure that calls its ``Done`` once, in any thread, and wait for that.

    Raises:
        TurretError: it was refused, or ended with this error.
    """
    outcome: Future[None] = Future()

    def done(error: TurretError | None) -> None:
        if error is None:
            outcome.set_result(None)
        else:
            outcome.set_exception(error)
    start(done)
    await result_of(node, outcome)
