"""What every node of the turret does the same way."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.time import Time

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode

RequestT = TypeVar('RequestT')
ResponseT = TypeVar('ResponseT')


def run(make_node: Callable[[], Node], args: list[str] | None = None) -> int:
    """Run one node in this process until it is told to end; return the exit code.

    The node's ``destroy_node`` must leave its hardware safe; it is called whatever happens. A start that is refused
    (:class:`TurretError`) ends with its message on standard error and exit code 2.
    """
    rclpy.init(args=args)
    node = None
    try:
        node = make_node()
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        executor.spin()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except TurretError as error:
        sys.stderr.write(f'{error.message}\n')
        return 2
    finally:
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
    return 0


def answered(
        handler: Callable[[Any, RequestT, ResponseT], None],
) -> Callable[[Any, RequestT, ResponseT], ResponseT]:
    """Turn a method that raises :class:`TurretError` on refusal into a service callback that answers.

    The response's ``success``, ``code`` and ``message`` are filled; other errors are logged and answered as
    INTERNAL_ERROR, so that a caller never waits in vain.
    """
    @functools.wraps(handler)
    def callback(self: Any, request: RequestT, response: ResponseT) -> ResponseT:
        try:
            handler(self, request, response)
            response.success = True  # type: ignore[attr-defined]
        except TurretError as error:
            response.code, response.message = int(error.code), error.message  # type: ignore[attr-defined]
        except Exception as error:  # the boundary: report, never hang the caller
            node = self if isinstance(self, Node) else self.node
            node.get_logger().error(f'{handler.__name__}: {type(error).__name__}: {error}')
            response.code = int(ReasonCode.INTERNAL_ERROR)  # type: ignore[attr-defined]
            response.message = f'{type(error).__name__}: {error}'  # type: ignore[attr-defined]
        return response
    return callback


def seconds(stamp: Any) -> float:
    """Return a ``builtin_interfaces/Time`` as seconds."""
    return float(stamp.sec) + 1e-9 * float(stamp.nanosec)


def stamp_from(seconds_: float) -> Any:
    """Return seconds as a ``builtin_interfaces/Time``."""
    return Time(nanoseconds=round(seconds_ * 1e9)).to_msg()
