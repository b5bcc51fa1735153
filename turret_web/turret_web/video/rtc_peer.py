# SPDX-License-Identifier: Apache-2.0
"""WebRTC connection with a browser. Imports aiortc, so it is imported only when needed.

The browser offers, this side answers (as in WHEP). The answer contains only addresses of this machine, no STUN or TURN
server is used, and the candidates in the offer are ignored: the connectivity checks of the browser reveal its address.
Therefore an offer cannot direct packets to other hosts.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
    VideoStreamTrack,
)
from aiortc.exceptions import InvalidAccessError, InvalidStateError, OperationError

from turret_common.errors import TurretError
from turret_common.reason_codes import ReasonCode
from turret_web.video.rtc_channel import RtcViewer

log = logging.getLogger(__name__)

#: Maximum time from the answer to the first displayed frame [s].
_CONNECTED_S = 10.0
#: Maximum size of the unsent stamps of a viewer [bytes].
_STAMPS_LIMIT = 16 * 1024
_PTS_PERIOD = 2**32
#: Errors that the library raises for invalid or unsupported session descriptions.
_BAD_OFFER = (
    ValueError, LookupError, AssertionError, AttributeError, TypeError, InvalidAccessError, InvalidStateError,
    OperationError, RuntimeError)


class RtcPeer:
    """WebRTC connection of one viewer."""

    def __init__(
            self, viewer: RtcViewer, addresses: list[str] | None, ended: Callable[[], Any]) -> None:
        """Create it without opening anything.

        Args:
            viewer: frames to send.
            addresses: addresses of this machine that may be used; None for all.
            ended: called when the connection has ended.
        """
        self._viewer = viewer
        self._addresses = addresses
        self._ended = ended
        self._stamps: Any = None
        self._channel_open = asyncio.Event()
        self._peer = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        self._peer.on('datachannel', self._on_data_channel)
        self._peer.on('connectionstatechange', self._on_state_change)
        self._deadline: asyncio.TimerHandle | None = None

    async def answer(self, offer: str) -> str:
        """Return the answer to a session description.

        Raises:
            TurretError: INVALID_ARGUMENT, it is invalid, or does not offer VP8 video with a data channel.
        """
        transceiver = self._peer.addTransceiver(_Track(self), direction='sendonly')
        transceiver.setCodecPreferences([
            codec for codec in RTCRtpSender.getCapabilities('video').codecs
            if codec.mimeType in ('video/VP8', 'video/rtx')])
        try:
            await self._peer.setRemoteDescription(RTCSessionDescription(_checked(offer), 'offer'))
            _restrict(transceiver.sender.transport.transport.iceGatherer, self._addresses)  # the channel goes with it
            await self._peer.setLocalDescription(await self._peer.createAnswer())
        except _BAD_OFFER as error:
            raise TurretError(ReasonCode.INVALID_ARGUMENT, f'invalid SDP offer: {error}') from error
        self._deadline = asyncio.get_running_loop().call_later(_CONNECTED_S, self._give_up)
        return str(self._peer.localDescription.sdp)

    async def close(self) -> None:
        """Close the connection."""
        if self._deadline is not None:
            self._deadline.cancel()
        with contextlib.suppress(AttributeError):  # raised by the library for parts that were never set up
            await self._peer.close()

    def _on_data_channel(self, channel: Any) -> None:
        """Keep the data channel, which carries the stamps and the confirmation of the anchor."""
        if self._stamps is None:
            self._stamps = channel
            channel.on('message', self._on_anchor_message)
            self._channel_open.set()

    def _on_anchor_message(self, _: object) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._viewer.on_anchor_shown()

    async def next_packet(self) -> Any:
        """Return the next packet, and send its stamp on the data channel."""
        await self._channel_open.wait()
        encoded = await self._viewer.next()
        if self._stamps.readyState == 'open' and self._stamps.bufferedAmount < _STAMPS_LIMIT:
            self._stamps.send(f'{encoded.pts % _PTS_PERIOD} {encoded.timestamp}')
        return encoded.packet

    def _on_state_change(self) -> None:
        if self._peer.connectionState in ('failed', 'closed'):
            self._ended()

    def _give_up(self) -> None:
        log.info('a WebRTC viewer displayed no frame within %g s', _CONNECTED_S)
        self._ended()


class _Track(VideoStreamTrack):
    """Video track of packets that are already encoded."""

    def __init__(self, peer: RtcPeer) -> None:
        super().__init__()
        self._peer = peer

    async def recv(self) -> Any:
        return await self._peer.next_packet()


def _checked(offer: str) -> str:
    """Return an offer without its candidates, if it is for one bundled video and data channel."""
    lines = [line for line in offer.splitlines() if not line.startswith(('a=candidate:', 'a=end-of-candidates'))]
    kinds = sorted(line[2:].partition(' ')[0] for line in lines if line.startswith('m='))
    names = {line[6:] for line in lines if line.startswith('a=mid:')}
    bundle = next((set(line.split()[1:]) for line in lines if line.startswith('a=group:BUNDLE ')), set())
    if kinds != ['application', 'video'] or len(names) != 2 or bundle != names:
        raise ValueError('it must be for one video and one data channel, bundled')
    return '\r\n'.join(lines) + '\r\n'


def _restrict(gatherer: Any, addresses: list[str] | None) -> None:
    """Restrict a gatherer to these addresses. The library itself always uses all addresses except loopback."""
    if addresses is not None:
        connection = gatherer._connection  # noqa: SLF001  aiortc has no setting for it
        gather = connection.get_component_candidates
        connection.get_component_candidates = partial(_gather, gather, addresses)


async def _gather(gather: Any, own: list[str], component: int, addresses: list[str], timeout: int = 5) -> Any:  # noqa: ARG001
    return await gather(component=component, addresses=own, timeout=timeout)
