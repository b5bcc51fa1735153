# SPDX-License-Identifier: Apache-2.0
"""An MQTT broker that requires a user and a password, for tests."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from turret_common.testing.waiting import free_port


@contextmanager
def mqtt_broker(folder: Path, user: str, password: str) -> Iterator[int]:
    """Give the port of a broker that runs meanwhile. Needs amqtt and pwdlib; the folder gets its password file."""
    from amqtt.broker import Broker
    from pwdlib.hashers.argon2 import Argon2Hasher

    port, passwords = free_port(), folder / 'passwords'
    passwords.write_text(f'{user}:{Argon2Hasher(time_cost=1, memory_cost=64).hash(password)}\n')
    plugin = 'amqtt.plugins.authentication.FileAuthPlugin'
    config = {'listeners': {'default': {'type': 'tcp', 'bind': f'127.0.0.1:{port}'}},
              'plugins': {plugin: {'password_file': str(passwords)}}}
    loop, ready = asyncio.new_event_loop(), threading.Event()
    ending: list[asyncio.Event] = []

    async def serve() -> None:
        server = Broker(config)
        await server.start()
        ending.append(asyncio.Event())
        ready.set()
        await ending[0].wait()
        await server.shutdown()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(10.0)
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(ending[0].set)
        thread.join()
        loop.close()
