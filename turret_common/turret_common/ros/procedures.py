"""Actions whose work is done in another thread: waiting for its end."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.node import Node
from rclpy.task import Future

from turret_common.errors import TurretError

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
