# SPDX-License-Identifier: Apache-2.0
"""The node ``web``: web gateway of the turret for browsers and programs."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from typing import Any

from rclpy.node import Node

from turret_common.ros.node import run
from turret_common.ros.params import RosParameters
from turret_web.gateway.ros_gateway import RosGateway
from turret_web.ros_logging import RosLogHandler
from turret_web.server import WebServer
from turret_web.web_parameters import WebParameters

#: Maximum time that another thread keeps the interpreter when the loop has work [s]; 0.005 in Python by default.
_SWITCH_S = 0.001
#: Loggers whose records appear in the log of the node.
_LOGGERS = ('turret_web', 'aiohttp', 'asyncio')


class WebNode(Node):
    """Runs the web server on its own event loop and thread, beside the executor.

    Attributes:
        address: host and port that it listens on.
    """

    def __init__(self, **node_kwargs: Any) -> None:
        super().__init__('web', **node_kwargs)
        parameters: RosParameters[WebParameters] = RosParameters(self, WebParameters)
        self._logs = RosLogHandler(self.get_logger())
        for name in _LOGGERS:
            logging.getLogger(name).addHandler(self._logs)
            logging.getLogger(name).setLevel(logging.INFO)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name='web', daemon=True)
        self._gateway = RosGateway(self, self._loop)
        self._thread.start()
        try:
            self._server = self._on_loop(self._serve(parameters.value))
        except BaseException:
            self._end()
            raise
        self.address = self._server.address
        self._announce()

    def _announce(self) -> None:
        """Log the address of the panel. Tokens are never logged: the log is a topic and a file."""
        hint = '; ./turret token show prints the tokens' if self._server.needs_sign_in else ''
        self.get_logger().info(f'panel: {self._server.base_url}/{hint}')

    async def _serve(self, parameters: WebParameters) -> WebServer:
        server = WebServer(self._gateway, parameters)
        await server.start()
        return server

    def _on_loop(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=10.0)

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(2.0)
        self._gateway.close()
        for name in _LOGGERS:
            logging.getLogger(name).removeHandler(self._logs)
        super().destroy_node()

    def destroy_node(self) -> None:
        """End every connection, then the node."""
        if self._thread.is_alive():
            self._on_loop(self._server.stop())
            self._end()


def main() -> int:
    """Run the node."""
    sys.setswitchinterval(_SWITCH_S)
    return run(WebNode)


if __name__ == '__main__':
    raise SystemExit(main())
