# SPDX-License-Identifier: Apache-2.0
from turret_common.testing.installed import check_installed


def test_colcon_installs_the_package_whole() -> None:
    check_installed('turret_vision')
