# SPDX-License-Identifier: Apache-2.0
"""Image arrays: no needless copies, and the pixels that the encoding defines."""

import struct
import zlib

import cv2
import numpy as np
import pytest

from turret_common.errors import TurretError
from turret_common.images import as_array, decoded, to_bgr
from turret_common.reason_codes import ReasonCode


def test_padded_rows_are_cut_without_copying() -> None:
    data = bytearray(range(2 * 8))
    array = as_array(memoryview(data), 2, 2, 'bgr8', 8)
    assert array.shape == (2, 2, 3)
    assert array[1, 0].tolist() == [8, 9, 10]
    data[8] = 200
    assert array[1, 0, 0] == 200


def test_16_bit_of_both_byte_orders() -> None:
    little = as_array(memoryview(b'\x01\x02'), 1, 1, 'mono16', 2)
    big = as_array(memoryview(b'\x01\x02'), 1, 1, 'mono16', 2, big_endian=True)
    assert (little[0, 0], big[0, 0]) == (0x0201, 0x0102)


@pytest.mark.parametrize(('height', 'width', 'encoding', 'step', 'code'), [
    (2, 2, 'nv24', 2, ReasonCode.NOT_SUPPORTED),
    (2, 2, '', 2, ReasonCode.NOT_SUPPORTED),
    (4, 4, 'nv12', 4, ReasonCode.INVALID_ARGUMENT),
    (2, 3, 'nv12', 3, ReasonCode.INVALID_ARGUMENT),
    (2, 2, '32FC1', 10, ReasonCode.INVALID_ARGUMENT),
    (2, 2, 'bgr8', 5, ReasonCode.INVALID_ARGUMENT),
    (3, 2, 'bgr8', 6, ReasonCode.INVALID_ARGUMENT),
    (0, 2, 'bgr8', 6, ReasonCode.INVALID_ARGUMENT),
    (2, 2, 'mono16', 5, ReasonCode.INVALID_ARGUMENT),
    (2, 3, 'yuv422_yuy2', 6, ReasonCode.INVALID_ARGUMENT),
])
def test_inconsistent_sizes_are_refused(height: int, width: int, encoding: str, step: int, code: ReasonCode) -> None:
    with pytest.raises(TurretError) as caught:
        as_array(memoryview(bytes(12)), height, width, encoding, step)
    assert caught.value.code == code


@pytest.mark.parametrize(('encoding', 'pixel'), [
    ('bgr8', [10, 20, 30]), ('rgb8', [30, 20, 10]), ('bgra8', [10, 20, 30, 0]), ('rgba8', [30, 20, 10, 0]),
])
def test_every_color_order_becomes_bgr(encoding: str, pixel: list[int]) -> None:
    image = np.array([[pixel]], np.uint8)
    assert to_bgr(image, encoding)[0, 0].tolist() == [10, 20, 30]


def test_gray_becomes_bgr() -> None:
    assert to_bgr(np.array([[7]], np.uint8), 'mono8')[0, 0].tolist() == [7, 7, 7]
    assert to_bgr(np.array([[0x0700]], np.uint16), 'mono16')[0, 0].tolist() == [7, 7, 7]


def plain(encoding: str, color: tuple[int, int, int]) -> bytes:
    """Return an 8x8 image of one color (BGR) in an encoding."""
    b, g, r = color
    image = np.zeros((8, 8), np.uint8)
    if encoding.startswith('bayer'):
        for position, letter in enumerate(encoding[6:10]):
            image[position // 2::2, position % 2::2] = {'r': r, 'g': g, 'b': b}[letter]
        return image.tobytes() if encoding.endswith('8') else (image.astype('<u2') << 8).tobytes()
    order = {'b': b, 'g': g, 'r': r, 'a': 255}
    pixel = np.array([order[letter] for letter in encoding[:-2]], '<u2') << 8
    return np.tile(pixel, 64).tobytes()


@pytest.mark.parametrize('encoding', [
    'bayer_rggb8', 'bayer_bggr8', 'bayer_gbrg8', 'bayer_grbg8', 'bayer_rggb16', 'bayer_bggr16', 'bayer_gbrg16',
    'bayer_grbg16', 'bgr16', 'rgb16', 'bgra16', 'rgba16'])
def test_images_of_other_nodes_keep_their_colors(encoding: str) -> None:
    data = plain(encoding, (10, 120, 240))
    image = to_bgr(as_array(memoryview(data), 8, 8, encoding, len(data) // 8), encoding)
    assert image[4, 4].tolist() == [10, 120, 240]


@pytest.mark.parametrize(('encoding', 'data'), [
    ('yuyv', [120, 100, 120, 160]), ('uyvy', [100, 120, 160, 120]), ('yuv422', [100, 120, 160, 120]),
    ('nv12', [120, 120, 120, 120, 100, 160]), ('nv21', [120, 120, 120, 120, 160, 100])])
def test_video_encodings_keep_their_colors(encoding: str, data: list[int]) -> None:
    height = 2 if encoding.startswith('nv') else 1
    image = to_bgr(as_array(memoryview(bytes(data)), height, 2, encoding, 4 if height == 1 else 2), encoding)
    assert image.shape == (height, 2, 3)
    blue, green, red = image[0, 0].tolist()
    assert blue < green < red


@pytest.mark.parametrize(('encoding', 'kind'), [
    ('32FC1', '<f4'), ('64FC1', '<f8'), ('16UC1', '<u2'), ('16SC1', '<i2'), ('32SC1', '<i4'), ('8SC1', 'i1')])
def test_depths_are_scaled_from_black_to_white(encoding: str, kind: str) -> None:
    values = np.array([[20, 60, 100]], kind)
    image = to_bgr(as_array(memoryview(values.tobytes()), 1, 3, encoding, values.nbytes), encoding)
    assert image[0, :, 0].tolist() == [0, 127, 255]
    assert to_bgr(values[:, :1], encoding)[0, 0].tolist() == [0, 0, 0]


def test_depths_that_are_not_finite_are_black() -> None:
    depths = np.array([[np.nan, 1.0, np.inf, 3.0, -np.inf]], np.float32)
    assert to_bgr(depths, '32FC1')[0, :, 0].tolist() == [0, 0, 0, 255, 0]
    assert to_bgr(np.full((1, 2), np.nan, np.float32), '32FC1').max() == 0


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))


def png(width: int, height: int) -> bytes:
    """Return an image that is complete but for most of its pixels."""
    header = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + chunk(b'IDAT', zlib.compress(bytes(100))) + chunk(
        b'IEND', b'')


def test_a_compressed_image_is_decoded() -> None:
    image = np.full((4, 6, 3), 90, np.uint8)
    assert np.array_equal(decoded(cv2.imencode('.png', image)[1].tobytes()), image)


@pytest.mark.parametrize('data', [b'', b'text', b'\xff\xd8\xff', png(0, 0), png(10, 10**8), png(65535, 65535)])
def test_what_is_no_image_or_a_huge_one_is_refused(data: bytes) -> None:
    with pytest.raises(TurretError) as refused:
        decoded(data)
    assert refused.value.code is ReasonCode.INVALID_ARGUMENT
