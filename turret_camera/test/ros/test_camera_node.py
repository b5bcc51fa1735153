# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import functools
import io
import time
from typing import Any

import av
import cv2
import numpy as np
import pytest
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from turret_camera.camera_node import CameraNode
from turret_camera.frame import StampSource, encode_jpeg
from turret_camera.grabber import Status
from turret_camera.media.audio import AudioStatus
from turret_camera.media.library import MediaKind
from turret_common.geometry import PinholeCamera
from turret_common.reason_codes import ReasonCode
from turret_common.ros.images import array_to_image, camera_to_info, image_to_array
from turret_common.ros.qos import IMAGE_OUT, NEWEST, STATE, STREAM
from turret_common.ros.time import seconds, stamp_from
from turret_common.testing import waiting
from turret_msgs.msg import AudioChunk, AudioState, CameraState, MediaItem
from turret_msgs.srv import CaptureStill, DeleteMedia, ListMedia, RenameMedia, StartRecording, StopRecording

wait_until = functools.partial(waiting.wait_until, timeout_s=30.0)  # for slow machines


def start(ros: Any, **parameters: Any) -> CameraNode:
    small = {'width': 160, 'height': 120}  # quick to render
    overrides = [Parameter(name, value=value) for name, value in (small | parameters).items()]
    return ros.add(CameraNode(namespace='turret', context=ros.context, parameter_overrides=overrides))


def newest(messages: list[Any]) -> Any:
    return messages[-1] if messages else None


def test_raw_jpeg_and_info_share_one_stamp_and_show_the_same(ros: Any, make_plant: Any) -> None:
    make_plant()
    start(ros)
    raw = ros.collect(Image, 'camera/image_raw', NEWEST)
    jpeg = ros.collect(CompressedImage, 'camera/image_raw/compressed', NEWEST)
    info = ros.collect(CameraInfo, 'camera/camera_info', STREAM)

    def shared() -> Any:
        stamps = [{(m.header.stamp.sec, m.header.stamp.nanosec): m for m in list(topic)} for topic in (raw, jpeg, info)]
        both = stamps[0].keys() & stamps[1].keys() & stamps[2].keys()
        return [messages[max(both)] for messages in stamps] if both else None
    image, compressed, camera = wait_until(shared, what='raw, JPEG and info of one stamp')
    pixels = image_to_array(image)
    decoded = cv2.imdecode(np.frombuffer(compressed.data, np.uint8), cv2.IMREAD_COLOR)
    assert image.encoding == 'bgr8'
    assert image.header.frame_id == camera.header.frame_id == 'camera_optical_frame'
    assert pixels.shape == (120, 160, 3) == (camera.height, camera.width, 3)
    assert np.abs(pixels.astype(int) - decoded).mean() < 8.0


def test_nothing_is_encoded_for_no_one(ros: Any, make_plant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    make_plant()
    encoded: list[int] = []
    monkeypatch.setattr('turret_camera.frame.encode_jpeg', lambda pixels, quality: encoded.append(quality) or b'jpeg')
    start(ros, jpeg_quality=77)
    info = ros.collect(CameraInfo, 'camera/camera_info', STREAM)
    wait_until(lambda: len(info) > 5, what='frames')
    assert not encoded
    jpeg = ros.collect(CompressedImage, 'camera/image_raw/compressed', NEWEST)
    wait_until(lambda: jpeg, what='JPEG')
    assert set(encoded) == {77}


def test_without_hardware_it_says_so_and_begins_when_it_comes(ros: Any, make_plant: Any) -> None:
    start(ros)
    states = ros.collect(CameraState, 'camera/state', STATE)
    absent = wait_until(lambda: newest(states), what='state')
    absent = wait_until(lambda: states[-1] if states[-1].code else None, what='fault')
    assert absent.status == CameraState.STATUS_STARTING
    assert absent.code == ReasonCode.CAMERA_ABSENT
    assert not absent.hardware
    make_plant()
    wait_until(lambda: states[-1].status == CameraState.STATUS_STREAMING, what='streaming')


def test_a_lost_camera_is_a_fault_until_it_is_back(ros: Any, make_plant: Any) -> None:
    plant = make_plant()
    start(ros)
    states = ros.collect(CameraState, 'camera/state', STATE)
    wait_until(lambda: states and states[-1].status == CameraState.STATUS_STREAMING, what='streaming')
    plant.die()
    wait_until(lambda: states[-1].code == ReasonCode.CAMERA_LOST, what='fault')
    assert states[-1].status == CameraState.STATUS_RECOVERING
    assert np.isnan(states[-1].rate_hz)
    beats = len(states)
    wait_until(lambda: len(states) >= beats + 2, what='beats of the state while lost')
    make_plant()
    wait_until(lambda: states[-1].status == CameraState.STATUS_STREAMING, what='streaming again')


def test_live_parameters_act_and_are_in_the_state(ros: Any, make_plant: Any) -> None:
    make_plant()
    node = start(ros, auto_exposure=False, exposure_us=10000)
    raw = ros.collect(Image, 'camera/image_raw', NEWEST)
    states = ros.collect(CameraState, 'camera/state', STATE)
    before = image_to_array(wait_until(lambda: newest(raw), what='image')).mean()
    node.set_parameters([Parameter('exposure_us', value=2500), Parameter('width', value=80),
                         Parameter('height', value=60)])
    small = wait_until(lambda: raw[-1] if raw[-1].width == 80 else None, what='smaller image')
    assert image_to_array(small).mean() < 0.7 * before
    wait_until(lambda: states[-1].exposure_us == 2500.0 and states[-1].width == 80, what='state')


def test_a_still_is_the_image_without_loss_of_size(ros: Any, make_plant: Any, own_state: Any) -> None:
    make_plant()
    start(ros, width=320, height=240)
    refused = ros.call(CaptureStill, 'camera/capture_still', CaptureStill.Request(label='../x'))
    assert (refused.success, refused.name) == (False, '')
    wait_until(lambda: ros.call(CaptureStill, 'camera/capture_still', CaptureStill.Request(label='cat')).success)
    ros.call(CaptureStill, 'camera/capture_still', CaptureStill.Request(label='cat'))
    items = ros.call(ListMedia, 'camera/list_media', ListMedia.Request()).items
    assert len({item.name for item in items}) == 2
    path = own_state / 'turret' / 'turret' / 'media' / items[0].name
    assert cv2.imread(str(path)).shape == (240, 320, 3)
    assert ros.call(DeleteMedia, 'camera/delete_media', DeleteMedia.Request(name=items[0].name)).success
    assert not path.exists()
    answer = ros.call(RenameMedia, 'camera/rename_media', RenameMedia.Request(name=items[1].name, new_name='x/y.jpg'))
    assert answer.code == ReasonCode.INVALID_ARGUMENT


def test_without_images_there_is_no_still(ros: Any) -> None:
    start(ros)
    answer = ros.call(CaptureStill, 'camera/capture_still', CaptureStill.Request())
    assert answer.code == ReasonCode.NO_FRAMES
    assert ros.call(ListMedia, 'camera/list_media', ListMedia.Request()).items == []


def test_a_recording_is_in_the_state_and_in_the_library(ros: Any, make_plant: Any) -> None:
    make_plant()
    start(ros)
    states = ros.collect(CameraState, 'camera/state', STATE)
    begun = ros.call(StartRecording, 'camera/start_recording', StartRecording.Request())
    assert begun.success
    again = ros.call(StartRecording, 'camera/start_recording', StartRecording.Request())
    assert again.code == ReasonCode.BUSY
    wait_until(lambda: states[-1].recording.duration_s > 0.7, what='recording')
    assert (states[-1].recording.active, states[-1].recording.filename) == (True, begun.name)
    busy = ros.call(DeleteMedia, 'camera/delete_media', DeleteMedia.Request(name=begun.name))
    assert busy.code == ReasonCode.BUSY
    ended = ros.call(StopRecording, 'camera/stop_recording', StopRecording.Request())
    assert ended.duration_s > 0.7
    wait_until(lambda: not states[-1].recording.active, what='end of recording')
    (item,) = ros.call(ListMedia, 'camera/list_media', ListMedia.Request()).items
    assert (item.name, item.kind) == (begun.name, MediaItem.KIND_VIDEO)
    assert item.duration_s == pytest.approx(ended.duration_s, abs=0.5)
    nothing = ros.call(StopRecording, 'camera/stop_recording', StopRecording.Request())
    assert nothing.code == ReasonCode.NOT_READY


def test_annotated_video_is_listened_to_only_while_recording(ros: Any, make_plant: Any) -> None:
    make_plant()
    start(ros)
    publisher = ros.probe.create_publisher(CompressedImage, 'vision/image_annotated/compressed', IMAGE_OUT)
    assert publisher.get_subscription_count() == 0
    assert ros.call(StartRecording, 'camera/start_recording', StartRecording.Request(annotated=True)).success
    wait_until(lambda: publisher.get_subscription_count() == 1, what='a listener')
    for i in range(5):
        message = CompressedImage(format='jpeg', data=encode_jpeg(np.full((48, 64, 3), 50 * i, np.uint8), 90))
        message.header.stamp = stamp_from(1000.0 + 0.2 * i)
        publisher.publish(message)
        time.sleep(0.05)  # depth 1: newer ones would replace it
    ended = ros.call(StopRecording, 'camera/stop_recording', StopRecording.Request())
    wait_until(lambda: publisher.get_subscription_count() == 0, what='no listener')
    assert 0.2 <= ended.duration_s <= 0.81


def test_images_of_another_driver_keep_their_stamp_and_calibration(ros: Any) -> None:
    start(ros, source='topic', image_topic='/driver/image')
    images = ros.probe.create_publisher(Image, '/driver/image', IMAGE_OUT)
    infos = ros.probe.create_publisher(CameraInfo, '/driver/camera_info', STREAM)
    raw = ros.collect(Image, 'camera/image_raw', NEWEST)
    info = ros.collect(CameraInfo, 'camera/camera_info', STREAM)
    states = ros.collect(CameraState, 'camera/state', STATE)
    driver = PinholeCamera(64, 48, 71.0, 72.0, 30.0, 25.0, (0.1, 0.0, 0.0, 0.0, 0.0))
    sent = set()

    def arrived() -> Any:
        header = Header(stamp=stamp_from(time.time() - 0.02), frame_id='theirs')
        sent.add(round(seconds(header.stamp) * 1e6))
        infos.publish(camera_to_info(driver, header))
        images.publish(array_to_image(np.full((48, 64, 3), (10, 20, 30), np.uint8), 'rgb8', header))
        time.sleep(0.02)
        return raw and info and info[-1].k[0] == 71.0
    wait_until(arrived, what='images')
    assert image_to_array(raw[-1])[0, 0].tolist() == [30, 20, 10]
    assert raw[-1].header.frame_id == 'camera_optical_frame'
    assert min(abs(round(seconds(raw[-1].header.stamp) * 1e6) - stamp) for stamp in sent) < 500
    wait_until(lambda: states[-1].status == CameraState.STATUS_STREAMING, what='state')
    assert states[-1].hardware
    assert states[-1].stamp_source == CameraState.STAMP_SENSOR


def test_a_topic_that_comes_late_falls_silent_or_carries_garbage_is_a_fault_until_it_is_good(
        ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('turret_camera.sources.ros_topic._SILENT_S', 0.2)
    monkeypatch.setattr('turret_camera.grabber._RETRY_S', (0.01,))
    start(ros, source='topic', image_topic='/driver/image')
    states = ros.collect(CameraState, 'camera/state', STATE)
    wait_until(lambda: states and states[-1].code == ReasonCode.CAMERA_ABSENT, what='absence')
    images = ros.probe.create_publisher(Image, '/driver/image', IMAGE_OUT)

    def streams(message: Image) -> bool:
        images.publish(message)
        time.sleep(0.02)
        return bool(states[-1].status == CameraState.STATUS_STREAMING)
    good = array_to_image(np.full((48, 64, 3), 90, np.uint8), 'bgr8', Header())
    strange = Image(height=48, width=64, encoding='polar', step=192, data=bytes(9216))
    short = Image(height=48, width=64, encoding='bgr8', step=192, data=bytes(100))
    wait_until(lambda: streams(good), what='images that came late')
    assert states[-1].stamp_source == CameraState.STAMP_ARRIVAL  # they carried no stamp
    for garbage in (strange, short):
        wait_until(lambda: not streams(garbage), what='fault')  # noqa: B023
        assert states[-1].code == ReasonCode.CAMERA_LOST
        wait_until(lambda: streams(good), what='images after garbage')
    wait_until(lambda: states[-1].code == ReasonCode.CAMERA_LOST, what='silence')
    wait_until(lambda: streams(good), what='images after silence')


def test_live_sound_is_made_for_listeners_only(ros: Any) -> None:
    start(ros, **{'audio.source': 'tone'})
    states = ros.collect(CameraState, 'camera/state', STATE)
    wait_until(lambda: states and states[-1].audio.status == AudioState.STATUS_IDLE, what='rest')
    chunks = ros.collect(AudioChunk, 'camera/audio', STREAM)
    wait_until(lambda: len(chunks) > 5, what='sound')
    wait_until(lambda: states[-1].audio.status == AudioState.STATUS_CAPTURING, what='state')
    assert (chunks[0].format, chunks[0].sample_rate, chunks[0].channels) == ('mp3', 48000, 1)
    assert abs(seconds(chunks[-1].header.stamp) - time.time()) < 5.0
    with av.open(io.BytesIO(b''.join(bytes(chunk.data) for chunk in chunks)), format='mp3') as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) > 0.3 * 48000


def test_a_missing_microphone_is_reported_and_does_not_affect_the_images(
        ros: Any, make_plant: Any) -> None:
    make_plant()
    start(ros, **{'audio.source': 'alsa', 'audio.device': 'no such device'})
    states = ros.collect(CameraState, 'camera/state', STATE)
    ros.collect(AudioChunk, 'camera/audio', STREAM)
    wait_until(lambda: states and states[-1].audio.status == AudioState.STATUS_FAILED, what='fault of the sound')
    assert states[-1].audio.code == ReasonCode.IO_ERROR
    assert 'no such device' in states[-1].audio.message
    wait_until(lambda: states[-1].status == CameraState.STATUS_STREAMING, what='images')
    assert ros.call(StartRecording, 'camera/start_recording', StartRecording.Request()).success
    wait_until(lambda: states[-1].recording.duration_s > 0.5, what='recording')
    assert not states[-1].recording.audio


def test_a_recording_has_sound_and_a_thumbnail(ros: Any, make_plant: Any, own_state: Any) -> None:
    make_plant()
    start(ros, **{'audio.source': 'tone'})
    states = ros.collect(CameraState, 'camera/state', STATE)
    begun = ros.call(StartRecording, 'camera/start_recording', StartRecording.Request())
    wait_until(lambda: states and states[-1].recording.duration_s > 1.0 and states[-1].recording.audio, what='sound')
    ros.call(StopRecording, 'camera/stop_recording', StopRecording.Request())
    folder = own_state / 'turret' / 'turret' / 'media'
    wait_until(lambda: (folder / '.thumbnails' / f'{begun.name}.jpg').exists(), what='thumbnail')
    wait_until(lambda: states[-1].audio.status == AudioState.STATUS_IDLE, what='rest')
    with av.open(str(folder / begun.name)) as container:
        heard = sum(frame.samples for frame in container.decode(audio=0)) / 48000.0
        assert heard == pytest.approx(float(container.duration) * 1e-6, abs=0.6)


@pytest.mark.parametrize(('enum', 'message', 'prefix'), [
    (Status, CameraState, 'STATUS_'), (StampSource, CameraState, 'STAMP_'), (MediaKind, MediaItem, 'KIND_'),
    (AudioStatus, AudioState, 'STATUS_')])
def test_numbers_are_those_of_the_messages(enum: Any, message: Any, prefix: str) -> None:
    constants = {name.removeprefix(prefix): getattr(message, name) for name in dir(message) if name.startswith(prefix)}
    assert {item.name: int(item) for item in enum} == constants
