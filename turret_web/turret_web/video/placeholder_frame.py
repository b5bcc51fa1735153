# SPDX-License-Identifier: Apache-2.0
"""Placeholder frame that viewers of a stream get while no frames arrive; it shows the reason."""

from __future__ import annotations

import asyncio

from turret_web.video.camera_state import CameraState
from turret_web.video.streams import BOUNDARY

_SILENT = 'The camera does not answer.'


class PlaceholderFrame:
    """Draws the placeholder frame; it is drawn again only when the reason changes."""

    def __init__(self, camera: CameraState) -> None:
        self._camera = camera
        self._drawn = ('', b'')

    async def part(self, error: str = '') -> bytes:
        """Return the frame as a part of a multipart stream, with the header ``X-Notice`` and without a stamp."""
        state = {} if error else await self._camera.get()
        reason = error or (str(state.get('message') or 'No frames arrive.') if state else _SILENT)
        if reason != self._drawn[0]:
            self._drawn = (reason, await asyncio.to_thread(_draw, reason))
        jpeg = self._drawn[1]
        notice = ' '.join(reason.encode('ascii', 'replace').decode().split())
        return (
            f'--{BOUNDARY}\r\nContent-type: image/jpeg\r\nX-Notice: {notice}\r\n'
            f'Content-Length: {len(jpeg)}\r\n\r\n').encode() + jpeg + b'\r\n'


def _draw(reason: str) -> bytes:
    from turret_web.video import image_encoding  # imports OpenCV, which costs time and memory

    return image_encoding.notice('NO VIDEO', reason)
