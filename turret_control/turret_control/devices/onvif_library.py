# SPDX-License-Identifier: Apache-2.0
"""The camera of ``onvif-zeep-async``, with what it leaves open: the largest size of an answer, and its time-out."""

from __future__ import annotations

from typing import Any

import aiohttp
from onvif import ONVIFCamera
from onvif.settings import DEFAULT_SETTINGS

_MAX_ANSWER = 1 << 20

DEFAULT_SETTINGS.xml_huge_tree = False  # which would switch off the limits of the parser


class _BoundedResponse(aiohttp.ClientResponse):
    async def read(self) -> bytes:
        content = b''
        async for chunk in self.content.iter_chunked(1 << 16):
            content += chunk
            if len(content) > _MAX_ANSWER:
                self.close()
                raise aiohttp.ClientPayloadError('the answer is too long')
        return content


class LibraryCamera(ONVIFCamera):
    """A camera, all of whose services share one session. To be made and used in an event loop."""

    def __init__(self, host: str, port: int, user: str, password: str, timeout_s: float) -> None:
        super().__init__(host, port, user or None, password or None, no_cache=True)
        self._bounded = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=False), timeout=aiohttp.ClientTimeout(total=timeout_s),
            response_class=_BoundedResponse)  # cameras sign their certificates themselves

    async def create_onvif_service(self, *arguments: Any, **options: Any) -> Any:
        """Return a service of the camera."""
        service = await super().create_onvif_service(*arguments, **options)
        service.transport.session = self._bounded
        if not self.user:
            service.ws_client = service.ws_client_authless
        return service

    async def close(self) -> None:
        """Close the connections."""
        await self._bounded.close()
        await super().close()
