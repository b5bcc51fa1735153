# SPDX-License-Identifier: Apache-2.0
"""The services of the camera node for stills, videos and the library of both."""

from __future__ import annotations

import datetime
import threading
import time
from collections.abc import Callable

from rclpy.node import Node
from rclpy.subscription import Subscription
from rclpy.timer import Timer
from sensor_msgs.msg import CompressedImage

from turret_camera.capture_parameters import CaptureParameters
from turret_camera.frame import Frame, encode_jpeg, jpeg_size
from turret_camera.media.audio import AudioCapture
from turret_camera.media.library import MediaLibrary
from turret_camera.media.recorder import Limits, VideoRecorder
from turret_common.errors import TurretError
from turret_common.geometry import PinholeCamera
from turret_common.reason_codes import ReasonCode
from turret_common.ros.node import answered
from turret_common.ros.qos import NEWEST
from turret_common.ros.time import seconds, stamp_from
from turret_common.validation import require_range
from turret_msgs.msg import MediaItem, RecordingState
from turret_msgs.srv import CaptureStill, DeleteMedia, ListMedia, RenameMedia, StartRecording, StopRecording

_STILL_QUALITY = 95
_NEWEST_S = 2.0  # a still is of a frame that is not older
_FINISH_S = 1.0  # for completing a video when the node ends


class RosMedia:
    """Captures stills, records videos and manages both.

    Attributes:
        node: the camera node.
    """

    def __init__(
            self, node: Node, library: MediaLibrary, audio: AudioCapture, newest: Callable[[], Frame | None],
            parameters: Callable[[], CaptureParameters], changed: Callable[[], None]) -> None:
        """Offer the services on a node.

        Args:
            node: the camera node.
            library: where files go.
            audio: to be recorded where there is a microphone.
            newest: returns the newest frame.
            parameters: returns those of the camera.
            changed: called from any thread when a recording began or ended.
        """
        self.node = node
        self._library = library
        self._audio = audio
        self._newest = newest
        self._parameters = parameters
        self._changed = changed
        self._recorder: VideoRecorder | None = None
        self._annotated: tuple[Subscription, Timer] | None = None
        self._drawing = threading.Thread()  # of thumbnails that are missing
        node.create_service(CaptureStill, 'camera/capture_still', self._capture_still)
        node.create_service(StartRecording, 'camera/start_recording', self._start_recording)
        node.create_service(StopRecording, 'camera/stop_recording', self._stop_recording)
        node.create_service(ListMedia, 'camera/list_media', self._list_media)
        node.create_service(RenameMedia, 'camera/rename_media', self._rename_media)
        node.create_service(DeleteMedia, 'camera/delete_media', self._delete_media)

    def offer(self, frame: Frame) -> None:
        """Take a frame of the camera; never waits."""
        recorder = self._recorder
        if recorder is not None and self._annotated is None:
            recorder.offer(frame)

    def state(self) -> RecordingState:
        """Return the state of the newest recording."""
        recorder = self._recorder
        if recorder is None:
            return RecordingState()
        active = recorder.progress.active
        size = recorder.path.stat().st_size if recorder.path.exists() else 0
        return RecordingState(
            active=active, filename=recorder.path.name, duration_s=recorder.progress.duration_s if active else 0.0,
            size=size, audio=recorder.progress.sound, dropped=recorder.progress.dropped)

    def trouble(self) -> str:
        """Return why the newest recording ended by itself, for a person; empty when it did not."""
        ended = self._recorder.progress.ended if self._recorder is not None else None
        return ended.message if ended is not None else ''

    def close(self) -> None:
        """Describe the recording that is running."""
        if self._recorder is not None:
            self._recorder.stop(_FINISH_S)

    @answered
    def _capture_still(self, request: CaptureStill.Request, response: CaptureStill.Response) -> None:
        frame = self._newest()
        if frame is None or time.monotonic_ns() - frame.stamp_ns > _NEWEST_S * 1e9:
            raise TurretError(ReasonCode.NO_FRAMES, 'the camera delivers no images')
        pixels = frame.pixels()
        path = self._library.reserve(request.label, '.jpg', datetime.datetime.now())
        try:
            path.write_bytes(encode_jpeg(pixels, _STILL_QUALITY))
            self._library.keep_thumbnail(path.name, pixels)
        except OSError as error:
            path.unlink(missing_ok=True)
            raise TurretError(ReasonCode.IO_ERROR, f'{path.name}: {error.strerror}') from error
        response.name = path.name

    @answered
    def _start_recording(self, request: StartRecording.Request, response: StartRecording.Response) -> None:
        if self._recorder is not None and self._recorder.progress.active:
            raise TurretError(ReasonCode.BUSY, f'{self._recorder.path.name} is being recorded')
        limits = self._limits(request.max_s)
        path = self._library.reserve(request.label, '.mp4', datetime.datetime.now())
        p = self._parameters()
        recorder = VideoRecorder(
            path, p.recording.crf, limits, self._ended, p.audio.bit_rate if self._audio.configured else 0)
        try:
            recorder.start()
        except TurretError:
            path.unlink()
            raise
        self._end_annotated()
        if request.annotated:
            topic = 'vision/image_annotated/compressed'
            self._annotated = (
                self.node.create_subscription(CompressedImage, topic, self._on_annotated, NEWEST),
                self.node.create_timer(0.5, self._end_annotated_when_done))
        self._recorder = recorder
        self._audio.listen('recording', recorder.hear)
        self._changed()
        response.name = path.name

    @answered
    def _stop_recording(self, request: StopRecording.Request, response: StopRecording.Response) -> None:
        if self._recorder is None or not self._recorder.progress.active:
            raise TurretError(ReasonCode.NOT_READY, 'nothing is being recorded')
        self._recorder.stop()
        self._end_annotated()
        response.name = self._recorder.path.name
        response.duration_s = self._recorder.progress.duration_s

    @answered
    def _list_media(self, request: ListMedia.Request, response: ListMedia.Response) -> None:
        response.items = [
            MediaItem(name=item.name, kind=int(item.kind), size=item.size, modified=stamp_from(item.modified_s),
                      duration_s=item.duration_s) for item in self._library.list()]
        self._draw_missing()

    @answered
    def _rename_media(self, request: RenameMedia.Request, response: RenameMedia.Response) -> None:
        self._require_complete(request.name)
        self._library.rename(request.name, request.new_name)

    @answered
    def _delete_media(self, request: DeleteMedia.Request, response: DeleteMedia.Response) -> None:
        self._require_complete(request.name)
        self._library.delete(request.name)

    def _draw_missing(self) -> None:
        if not self._drawing.is_alive():
            self._drawing = threading.Thread(
                target=self._library.add_missing_thumbnails, name='thumbnails', daemon=True)
            self._drawing.start()

    def _ended(self) -> None:
        self._audio.listen('recording', None)
        self._draw_missing()
        self._changed()

    def _limits(self, max_s: float) -> Limits:
        p = self._parameters().recording
        require_range('max_s', max_s, 0.0, p.max_s)
        return Limits(max_s or p.max_s, p.min_free_mb * 1_000_000)

    def _require_complete(self, name: str) -> None:
        if self._recorder is not None and self._recorder.progress.active and self._recorder.path.name == name:
            raise TurretError(ReasonCode.BUSY, f'{name} is being recorded')

    def _on_annotated(self, message: CompressedImage) -> None:
        data = bytes(message.data)
        size = jpeg_size(data)
        if self._recorder is not None and size is not None:
            camera = PinholeCamera.from_field_of_view(*size, 1.0)
            self._recorder.offer(Frame(round(seconds(message.header.stamp) * 1e9), camera, jpeg=data))

    def _end_annotated_when_done(self) -> None:
        if self._recorder is None or not self._recorder.progress.active:
            self._end_annotated()

    def _end_annotated(self) -> None:
        """Unsubscribe from annotated images, so that they are not made for this node."""
        if self._annotated is not None:
            subscription, timer = self._annotated
            self._annotated = None
            self.node.destroy_subscription(subscription)
            self.node.destroy_timer(timer)
