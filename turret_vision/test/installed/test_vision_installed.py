from turret_common.installed_testing import complaints


def test_colcon_installs_the_package_whole() -> None:
    assert complaints('turret_vision') == []
