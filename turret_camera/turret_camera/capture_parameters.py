# SPDX-License-Identifier: Apache-2.0
"""The parameters that camera sources share, and those of recording and sound."""

from __future__ import annotations

import dataclasses

from turret_common.params import frame_prefix_param, group, param

#: Color temperature in K of the light that each white-balance mode assumes.
WHITE_BALANCE_K = {
    'incandescent': 2700, 'tungsten': 3200, 'indoor': 3800, 'fluorescent': 4200, 'daylight': 5600, 'cloudy': 6500,
}


@dataclasses.dataclass(frozen=True)
class RecordingParameters:
    """Limits of video recording."""

    max_s: float = param(600.0, 'Maximum duration of a recording', unit='s', minimum=1.0, maximum=86400.0, live=True)
    min_free_mb: int = param(
        500, 'Minimum free disk space; with less, recording stops or does not start', unit='MB', minimum=1,
        maximum=10**6, live=True)
    crf: int = param(23, 'H.264 rate factor of videos; lower is better and larger', minimum=10, maximum=40, live=True)


@dataclasses.dataclass(frozen=True)
class AudioParameters:
    """The microphone, read only while there is a subscriber or a recording."""

    source: str = param(
        'none', 'Audio source: an ALSA device, a looped sound file, or a test tone',
        choices=('none', 'alsa', 'file', 'tone'), live=True)
    device: str = param('default', 'ALSA device, such as "default" or "hw:1"', live=True)
    file: str = param('', 'Sound file for source file, in any format FFmpeg reads', live=True)
    bit_rate: int = param(64000, 'Audio bit rate', unit='bit/s', minimum=16000, maximum=320000, live=True)


@dataclasses.dataclass(frozen=True)
class CaptureParameters:
    """Image source and capture settings; each source may add a group of its own."""

    source: str = param('sim', 'Image source')
    width: int = param(640, 'Image width', unit='px', minimum=64, maximum=4096, live=True)
    height: int = param(480, 'Image height', unit='px', minimum=48, maximum=3072, live=True)
    rate_hz: float = param(
        30.0, 'Requested frame rate; footage keeps its own', unit='Hz', minimum=1.0, maximum=240.0, live=True)
    horizontal_fov: float = param(
        1.047, 'Horizontal field of view, for camera_info without a calibration', unit='rad', minimum=0.1, maximum=2.8,
        live=True)
    calibration_file: str = param(
        '', 'YAML file in the format of camera_calibration, for the images as published: path, file:// or package:// '
        'URL; empty = result of camera/calibrate, else an ideal lens')
    camera_mount: str = param(
        'head', 'Mounting of the camera: on the head, or fixed to the base, looking along its x axis',
        choices=('head', 'base'))
    rotate: str = param(
        'none', 'Rotation of images, before flip; half = a camera that hangs upside down',
        choices=('none', 'clockwise', 'half', 'counterclockwise'))
    flip: str = param(
        'none', 'Axis by which images are flipped; both = a camera that hangs upside down', live=True,
        choices=('none', 'horizontal', 'vertical', 'both'))
    frame_prefix: str = frame_prefix_param()

    auto_exposure: bool = param(True, 'Automatic exposure time and gain', live=True)
    exposure_us: int = param(
        20000, 'Exposure time while auto_exposure is off', unit='us', minimum=100, maximum=200000, live=True)
    analog_gain: float = param(1.0, 'Gain while auto_exposure is off', minimum=1.0, maximum=16.0, live=True)
    auto_white_balance: bool = param(True, 'Automatic color gains', live=True)
    white_balance_mode: str = param(
        'indoor', 'Light source assumed while auto_white_balance is off; manual = color_gains',
        choices=('manual', *WHITE_BALANCE_K), live=True)
    color_gains: tuple[float, ...] = param(
        (1.6, 1.9), 'Gains of red and blue relative to green in manual white balance', minimum=0.1, maximum=8.0,
        elements=('red', 'blue'), live=True)
    brightness: float = param(0.0, 'Brightness offset; 1 = white', minimum=-1.0, maximum=1.0, live=True)
    contrast: float = param(1.0, 'Contrast; 0 = gray', minimum=0.0, maximum=2.0, live=True)
    saturation: float = param(1.0, 'Saturation; 0 = black and white', minimum=0.0, maximum=2.0, live=True)
    jpeg_quality: int = param(85, 'JPEG quality', minimum=10, maximum=100, live=True)

    video_file: str = param('', 'Video or GIF file, or folder of images, for source file')
    loop: bool = param(True, 'Restart of footage and images at their end', live=True)
    video_fov: float = param(
        1.6, 'Horizontal field of view spanned by footage or images', unit='rad', minimum=0.2, maximum=2.8, live=True)
    images: str = param('', 'Folder, or pattern such as /data/*.png, for source images')
    device: str = param('/dev/video0', 'Device for source v4l2')
    focus: int = param(
        -1, 'Focus of a V4L2 camera in its own units; -1 = automatic', minimum=-1, maximum=10**6, live=True)
    url: str = param('', 'RTSP, HTTP or HTTPS URL for source stream')
    image_topic: str = param('', 'Topic for source topic: sensor_msgs/Image, or one that ends in /compressed')

    media_dir: str = param('', 'Folder of stills and videos; empty = media in the state folder')
    recording: RecordingParameters = group(RecordingParameters)
    audio: AudioParameters = group(AudioParameters)
