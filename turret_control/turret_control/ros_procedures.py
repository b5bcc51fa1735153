"""Actions whose work is done in another thread: waiting for its end, and telling the client how it ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.action.server import ServerGoalHandle
from rclpy.node import Node
from rclpy.task import Future

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

#: Takes how something ended: None when it succeeded.
Done = Callable[[TurretError | None], None]


async def ended(node: Node, start: Callable[[Done], None]) -> None:
    """Start something that calls its ``Done`` once, in whatever thread, and wait for that.

    Raises:
        TurretError: it was refused, or ended with this error.
    """
    done = Future()

    def wake(error: TurretError | None) -> None:
        if node.executor is not None:
            node.executor.create_task(done.set_result, error)

    start(wake)
    error = await done
    if error is not None:
        raise error


def finish(goal: ServerGoalHandle, result: Any, error: TurretError | None) -> None:
    """Fill ``success``, ``code`` and ``message`` of a result, and tell the goal how it ended."""
    if error is None:
        result.success = True
        goal.succeed()
        return
    result.code, result.message = int(error.code), error.message
    if error.code is ReasonCode.CANCELLED and goal.is_cancel_requested:
        goal.canceled()
    else:
        goal.abort()
