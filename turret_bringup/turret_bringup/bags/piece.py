# SPDX-License-Identifier: Apache-2.0
"""A part of a bag that can be loaded alone."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Piece:
    """A chunk, some messages outside of chunks, or a part in time of a bag in another storage.

    Attributes:
        file: number of the file in the bag.
        offset: where it begins in the file, and ``end`` where it ends; in another storage numbers of parts.
        first_ns: minimum stamp in it.
        last_ns: maximum stamp in it.
        channels: ids of the channels in it; None = unknown.
    """

    file: int
    offset: int
    end: int
    first_ns: int
    last_ns: int
    channels: frozenset[int] | None = None
