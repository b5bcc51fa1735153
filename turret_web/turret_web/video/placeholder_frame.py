"""What viewers of a stream see while no pictures come: one that says so, and why."""

from __future__ import annotations

import asyncio

from turret_web.video.camera_state import CameraState
from turret_web.video.streams import BOUNDARY

_SILENT = 'The camera does not answer.'


class PlaceholderFrame:
    """Makes the picture; it is made again only when the reason changes."""

    def __init__(self, camera: CameraState) -> None:
        self._camera = camera
        self._made = ('', b'')

    async def part(self) -> bytes:
        """Return the picture as a part of a multipart stream, marked by the header ``X-Notice`` and without a stamp."""
        state = await self._camera.get()
        reason = str(state.get('message') or 'No picture comes.') if state else _SILENT
        if reason != self._made[0]:
            self._made = (reason, await asyncio.to_thread(_draw, reason))
        jpeg = self._made[1]
        notice = ' '.join(reason.encode('ascii', 'replace').decode().split())
        return (
            f'--{BOUNDARY}\r\nContent-type: image/jpeg\r\nX-Notice: {notice}\r\n'
            f'Content-Length: {len(jpeg)}\r\n\r\n').encode() + jpeg + b'\r\n'


def _draw(reason: str) -> bytes:
    from turret_web.video import image_encoding  # imports OpenCV, which costs time and memory

    return image_encoding.notice('NO PICTURE', reason)
