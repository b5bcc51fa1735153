# SPDX-License-Identifier: Apache-2.0
"""Pose of the head at any recent instant."""

import pytest

from turret_common.pose_history import Pose, PoseHistory


def history() -> PoseHistory:
    poses = PoseHistory(span_s=1.0, extrapolate_s=0.05)
    for i in range(11):
        poses.add(10.0 + 0.01 * i, Pose(0.1 * i, -0.05 * i, 10.0, -5.0))
    return poses


def test_between_samples_the_pose_is_interpolated() -> None:
    assert history().at(10.025) == pytest.approx((0.25, -0.125, 10.0, -5.0))


def test_just_after_the_newest_sample_the_pose_is_extrapolated() -> None:
    pose = history().at(10.12)
    assert pose is not None
    assert pose[:2] == pytest.approx((1.2, -0.6))


@pytest.mark.parametrize('stamp', [9.999, 10.151])
def test_outside_the_history_there_is_no_pose(stamp: float) -> None:
    assert history().at(stamp) is None
    assert PoseHistory().at(stamp) is None


def test_samples_with_older_stamps_are_ignored() -> None:
    poses = history()
    poses.add(10.05, Pose(99.0, 99.0))
    assert poses.at(10.05) == pytest.approx((0.5, -0.25, 10.0, -5.0))


def test_a_restarted_clock_clears_the_history() -> None:
    poses = history()
    poses.add(2.0, Pose(0.7, 0.0))
    assert poses.at(10.05) is None
    assert poses.at(2.0) == Pose(0.7, 0.0)


def test_old_samples_are_removed() -> None:
    poses = history()
    poses.add(11.06, Pose(0.0, 0.0))
    assert poses.at(10.05) is None
