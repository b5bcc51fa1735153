# SPDX-License-Identifier: Apache-2.0
"""A camera that publishes numbered frames through a gateway without ROS, for the tests of the video."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from web_testing import FakeGateway

from turret_web.video import image_encoding

CAMERA = '/turret/camera/image_raw'
TOPIC = f'{CAMERA}/compressed'


def image(number: int) -> bytes:
    """Return a JPEG image that is brighter the higher its number."""
    return image_encoding.from_image(bytes([number % 256]) * (64 * 48 * 3), (64, 48), 'bgr8', 192, False, 0, 0, 90)


def message(number: int, data: bytes) -> dict[str, Any]:
    """Return an image message whose stamp encodes its number: fifty per second from 100 s on."""
    stamp = {'sec': 100 + number // 50, 'nanosec': number % 50 * 20_000_000}
    return {'header': {'stamp': stamp}, 'format': 'jpeg', 'data': list(data)}


@asynccontextmanager
async def filmed(gateway: FakeGateway) -> AsyncIterator[None]:
    """Publish frames as long as the context lasts."""
    async def film() -> None:
        shots = [image(10 * number) for number in range(25)]
        for number in range(10_000):
            if gateway.feeds.get(TOPIC):
                gateway.emit(TOPIC, message(number, shots[number % len(shots)]))
            await asyncio.sleep(0.03)
    task = asyncio.create_task(film())
    try:
        yield
    finally:
        task.cancel()
