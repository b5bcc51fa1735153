# SPDX-License-Identifier: Apache-2.0
"""Person exclusion: the beam keeps away from people, and emission is inhibited when their positions are unknown.

A detector of its own (the node ``exclusion``) reports whom it sees in whole images. A mitigation: it misses people.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from turret_common.geometry import Bearing, angle_between
from turret_common.reason_codes import ReasonCode
from turret_control.safety.zones import Motion

#: Off until everything has been in order for this long, in ns.
_CLEAR_NS = 1_000_000_000
#: Without a report for this long, in ns, the detector is silent; images that are the same for as long are frozen, in s.
_SILENT_NS, _FROZEN_S = 300_000_000, 0.3
#: Images older than this say nothing of the present, in s; stamps may lie so far in the future.
_STALE_S, _FUTURE_S = 0.5, 0.01


class Person(NamedTuple):
    """A detected person: the circle around a bearing that holds them, in rad; NaN = unknown."""

    bearing: Bearing
    radius: float


class PeopleReport(NamedTuple):
    """Whom the detector sees in one image.

    Attributes:
        people: all of them.
        unchanged_s: for how long the images have been identical, in s.
        sees: the detector works.
    """

    people: tuple[Person, ...]
    unchanged_s: float
    sees: bool


class Beam(NamedTuple):
    """Where the beam points, and the angle in rad that it may still turn by before it is off or still."""

    bearing: Bearing
    reach: float


def reach(pan: Motion, tilt: Motion, reaction_s: float) -> float:
    """Return the angle in rad that the beam still turns by when the head is commanded to stop now."""
    spans = [motion.reach(0.0, reaction_s) for motion in (pan, tilt)]
    return math.hypot(*(high - low for low, high in spans))


class PersonExclusion:
    """Says why the beam must be off for the sake of people. Times are CLOCK_MONOTONIC in ns."""

    def __init__(self, margin: float) -> None:
        """Begin as when the detector is silent.

        Args:
            margin: angle in rad that is kept between the beam and a person's outline.
        """
        self._margin = margin
        self._reports: list[PeopleReport] = []
        self._heard_ns: int | None = None
        self._last_ns: dict[ReasonCode, int] = {}

    def see(self, report: PeopleReport, stamp_age_s: float, now_ns: int) -> None:
        """Take a report on an image of that age; one that is old, from the future, or of a blind detector is none."""
        if report.sees and -_FUTURE_S <= stamp_age_s <= _STALE_S:
            self._reports.append(report)
            self._heard_ns = now_ns

    def reasons(self, beam: Beam | None, now_ns: int) -> list[ReasonCode]:
        """Return why the beam must be off now, or must have been within the last second. Ask often.

        Args:
            beam: where it points; None = unknown, so that every person seen is near it.
            now_ns: time.
        """
        silent = self._heard_ns is None or now_ns - self._heard_ns >= _SILENT_NS
        found = {
            ReasonCode.PERSON_NEAR_BEAM: any(
                self._near(person, beam) for report in self._reports for person in report.people),
            ReasonCode.EXCLUSION_SILENT: silent,
            ReasonCode.FRAMES_FROZEN: any(not report.unchanged_s < _FROZEN_S for report in self._reports),
        }
        self._reports = self._reports[-1:]
        self._last_ns.update({code: now_ns for code, holds in found.items() if holds})
        return [code for code in found if code in self._last_ns and now_ns - self._last_ns[code] < _CLEAR_NS]

    def _near(self, person: Person, beam: Beam | None) -> bool:
        if beam is None:
            return True
        clear = angle_between(person.bearing, beam.bearing) - person.radius - beam.reach
        return not clear >= self._margin  # also when it is not a number
