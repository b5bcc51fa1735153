# SPDX-License-Identifier: Apache-2.0
"""Opening videos and sounds with PyAV."""

from __future__ import annotations

from typing import Any


def open_container(url: str, **options: Any) -> Any:
    """Return the open PyAV container of a file or stream; ``options`` are those of ``av.open``.

    Raises:
        av.error.FFmpegError: it is not there, or not a video or sound.
        OSError: the same.
    """
    import av  # heavy; only those who play or record videos pay for it

    if int(av.__version__.partition('.')[0]) < 19:  # texts in it that are not UTF-8: later versions always replace
        options['metadata_errors'] = 'replace'
    return av.open(url, **options)
