# SPDX-License-Identifier: Apache-2.0
"""Live sound on a topic, while there is a subscriber."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from std_msgs.msg import Header

from turret_camera.media.audio import SAMPLE_RATE, AudioCapture, Mp3Encoder, Sound
from turret_common.ros.qos import STREAM
from turret_msgs.msg import AudioChunk, AudioState

_CHUNK_NS = 100_000_000


class RosAudio:
    """Publishes ``camera/audio`` and reports the state of the microphone."""

    def __init__(
            self, node: Node, capture: AudioCapture, stamp: Callable[[int], Any], bit_rate: Callable[[], int]) -> None:
        """Make the publisher.

        Args:
            node: the camera node.
            capture: of the sound.
            stamp: turns an instant on CLOCK_MONOTONIC in ns into a message's.
            bit_rate: returns the bit rate to encode with in bit/s.
        """
        self._capture = capture
        self._stamp = stamp
        self._bit_rate = bit_rate
        self._publisher = node.create_publisher(AudioChunk, 'camera/audio', STREAM)
        self._encoder: Mp3Encoder | None = None
        self._chunk = b''
        self._began_ns = 0

    def look_for_listeners(self) -> None:
        """Begin or end to listen, as others do to the topic; to be called now and then."""
        wanted = self._publisher.get_subscription_count() > 0
        if wanted == (self._encoder is not None):
            return
        self._encoder, self._chunk = Mp3Encoder(self._bit_rate()) if wanted else None, b''
        self._capture.listen('live', self._hear if wanted else None)

    def state(self) -> AudioState:
        """Return what the microphone does."""
        report = self._capture.report()
        return AudioState(
            status=int(report.status), code=int(report.code), message=report.message, source=report.source,
            level=report.level)

    def _hear(self, sound: Sound) -> None:
        encoder = self._encoder
        if encoder is None:
            return
        if not self._chunk:
            self._began_ns = sound.stamp_ns
        self._chunk += encoder.encode(sound.samples)
        if self._chunk and sound.stamp_ns - self._began_ns >= _CHUNK_NS:
            self._publisher.publish(AudioChunk(
                header=Header(stamp=self._stamp(self._began_ns)), format='mp3', sample_rate=SAMPLE_RATE, channels=1,
                data=self._chunk))
            self._chunk = b''
