# SPDX-License-Identifier: Apache-2.0
"""Image arrays: no needless copies, and the pixels that the encoding defines."""

import numpy as np
import pytest

from turret_common.errors import TurretError
from turret_common.images import as_array, to_bgr
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
    (2, 2, 'bayer_rggb8', 2, ReasonCode.NOT_SUPPORTED),
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
