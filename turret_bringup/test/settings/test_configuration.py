# SPDX-License-Identifier: Apache-2.0
"""Parameters from all sources: what wins, and what is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import yaml

from turret_bringup.commands.param import dumped
from turret_bringup.settings import configuration
from turret_bringup.settings.configuration import Configuration, ConfigurationError, assigned_layer, parse_layer
from turret_bringup.settings.graph import GRAPH, GROUPS, NodeSpec, groups_named
from turret_common import params
from turret_common.errors import TurretError
from turret_common.params import param
from turret_common.paths import state_dir
from turret_common.reason_codes import ReasonCode
from turret_control import wiring


@dataclasses.dataclass(frozen=True)
class MotorParameters:
    driver: str = param('none', 'what turns', choices=('none', 'sim', 'real'))
    rate: float = param(1.0, 'how fast', minimum=0.0, maximum=5.0, live=True)
    steps: tuple[int, ...] = param((1, 2), 'how far', live=True)
    cap: float = param(1.0, 'how much at most')

    def __post_init__(self) -> None:
        if self.rate > self.cap * 4:
            raise ValueError('rate does not go with cap')


@dataclasses.dataclass(frozen=True)
class PlantParameters:
    name: str = param('tour', 'what happens')


def node(name: str, parameters: type, **fields: object) -> NodeSpec:
    spec = NodeSpec(name, 'turret_control', **fields)  # type: ignore[arg-type]
    object.__setattr__(spec, 'parameters', lambda: parameters)
    return spec


NODES = (node('plant', PlantParameters, simulation_only=True), node('motor', MotorParameters, backend='driver'))


def check(*texts: str, saved: bool = False) -> Configuration:
    layers = [dataclasses.replace(parse_layer(text, f'file {i}'), saved=saved) for i, text in enumerate(texts)]
    return configuration.check(layers, 'turret', NODES)


def refusal(text: str) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        check(text)
    return caught.value


def test_later_layers_win_value_by_value() -> None:
    config = check(
        '/**/motor: {ros__parameters: {rate: 2.0, driver: sim}}', '/turret/motor: {ros__parameters: {rate: 3}}')
    assert config.values['motor'] == {'rate': 3.0, 'driver': 'sim'}
    assert config.effective['motor'] == MotorParameters(driver='sim', rate=3.0)


def test_the_plant_runs_only_when_a_backend_is_simulated() -> None:
    assert [spec.name for spec in check('/**/motor: {ros__parameters: {driver: sim}}').nodes] == ['plant', 'motor']
    assert [spec.name for spec in check('/**/motor: {ros__parameters: {driver: real}}').nodes] == ['motor']
    assert check('/**/motor: {ros__parameters: {driver: sim}}').simulated() == ['motor']


@pytest.mark.parametrize(('text', 'code', 'sentence'), [
    ('/**/motr: {ros__parameters: {rate: 1}}', ReasonCode.UNKNOWN_NAME,
     'file 0: there is no node "motr"; did you mean "motor"?'),
    ('/**/motor: {ros__parameters: {rat: 1}}', ReasonCode.UNKNOWN_NAME,
     'file 0: motor has no parameter "rat"; did you mean "rate"?'),
    ('/**/motor: {ros__parameters: {rate: fast}}', ReasonCode.INVALID_ARGUMENT,
     "file 0: motor.rate: expected double, got str 'fast'"),
    ('/**/motor: {ros__parameters: {rate: .nan}}', ReasonCode.NOT_FINITE,
     'file 0: motor.rate: nan is not a finite number'),
    ('/**/motor: {ros__parameters: {rate: 6}}', ReasonCode.OUT_OF_RANGE, 'file 0: motor.rate: 6.0 is outside 0 to 5'),
    ('/**/motor: {ros__parameters: {rate: 4.5}}', ReasonCode.INVALID_ARGUMENT,
     'parameters of motor: rate does not go with cap'),
    ('/**: {ros__parameters: {color: red}}', ReasonCode.UNKNOWN_NAME,
     'file 0: no node has the parameter "color"'),
    ('/**/motor: {rate: 1}', ReasonCode.INVALID_ARGUMENT,
     'file 0: under "/**/motor" there must be "ros__parameters:" and nothing else'),
    ('motor: {ros__parameters: {rate: 1}}', ReasonCode.INVALID_ARGUMENT,
     'file 0: "motor" is none of "/**/NODE:", "/turret/NODE:" and "/**:"'),
    ('/other/motor: {ros__parameters: {rate: 1}}', ReasonCode.INVALID_ARGUMENT,
     'file 0: "/other/motor" is none of "/**/NODE:", "/turret/NODE:" and "/**:"'),
    ('[1, 2]', ReasonCode.INVALID_ARGUMENT,
     'file 0: a parameter file begins with a node, for example "/**/gimbal:"'),
    ('/**/motor:\n  ros__parameters: {', ReasonCode.INVALID_ARGUMENT, 'file 0: no valid YAML in line 2'),
])
def test_what_cannot_be_used_is_refused_in_one_sentence(text: str, code: ReasonCode, sentence: str) -> None:
    error = refusal(text)
    assert error.code == code
    assert error.message.startswith(sentence)
    assert '\n' not in error.message


def test_nested_and_dotted_names_are_the_same() -> None:
    nested = parse_layer('/**/a: {ros__parameters: {pan: {kp: 1}}}', 'x').values
    assert nested == parse_layer('/**/a: {ros__parameters: {pan.kp: 1}}', 'x').values == {'a': {'pan.kp': 1}}


def test_what_every_node_may_have_goes_to_those_that_do() -> None:
    config = check('/**: {ros__parameters: {rate: 2.0, use_sim_time: true}}')
    assert config.values == {
        'plant': {'use_sim_time': True}, 'motor': {'rate': 2.0, 'use_sim_time': True},
        'markers': {'use_sim_time': True}}


def test_saved_files_change_only_live_values_and_never_keep_the_turret_from_starting() -> None:
    config = check('/**/motor: {ros__parameters: {rate: 2.0, cap: 9.0, gone: 1}}', saved=True)
    assert config.values['motor'] == {'rate': 2.0}
    assert len(config.notes) == 2


def test_assignments_are_yaml() -> None:
    assert assigned_layer(['motor.pan.rate=2.5', 'motor.steps=[1, 2]', 'motor.name=a=b']).values == {
        'motor': {'pan.rate': 2.5, 'steps': [1, 2], 'name': 'a=b'}}
    for wrong in ('motor', 'motor=1', '.rate=1', 'motor.=1'):
        with pytest.raises(ConfigurationError, match=r'node\.parameter=value'):
            assigned_layer([wrong])


def test_what_is_written_for_ros_reads_back_the_same(tmp_path: Path) -> None:
    config = check('/**/motor: {ros__parameters: {driver: sim, rate: 1.0e-5, steps: [3], use_sim_time: true}}')
    paths = config.write(tmp_path)
    assert set(paths) == {'plant', 'motor'}
    again = configuration.check([configuration.read_layer(path) for path in paths.values()], 'turret', NODES)
    assert again.values == config.values
    assert '1.0e-05' in paths['motor'].read_text()  # with a point, or ROS takes it for a string


# --- the real graph


def test_every_packaged_parameter_is_declared() -> None:
    pytest.importorskip('mcap', reason='the graph has no bag node without mcap')
    pytest.importorskip('zstandard', reason='the graph has no bag node without zstandard')
    config = configuration.compose('turret')
    assert config.simulated()
    assert [spec.name for spec in config.nodes] == [spec.name for spec in GRAPH if spec.name != 'exclusion']


def test_no_arguments_simulate_everything() -> None:
    config = configuration.compose('turret')
    backends = {spec.name: getattr(config.effective[spec.name], spec.backend) for spec in GRAPH if spec.backend}
    assert set(backends.values()) == {'sim'}
    assert config.effective['controller'].start_mode == 'track'
    assert config.effective['gimbal'].home_on_start


def test_a_hardware_file_brings_none_of_the_simulation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packaged = configuration.packaged_layer('simulation.yaml')
    hardware = parse_layer('/**/gimbal: {ros__parameters: {driver: pca9685}}', 'mine')
    assert configuration.names_hardware(hardware, GRAPH)
    assert not configuration.names_hardware(packaged, GRAPH)
    assert not configuration.names_hardware(parse_layer('/**/camera: {ros__parameters: {source: v4l2}}', 'x'), GRAPH)


def test_saved_parameters_lie_between_packaged_and_given_ones(tmp_path: Path) -> None:
    folder = state_dir('turret') / 'parameters'
    folder.mkdir()
    (folder / 'camera.yaml').write_text(yaml.safe_dump(
        {'/**/camera': {'ros__parameters': {'rate_hz': 15.0, 'jpeg_quality': 50, 'source': 'v4l2'}}}))
    config = configuration.compose('turret', assignments=['camera.jpeg_quality=60'])
    camera = config.effective['camera']
    assert (camera.rate_hz, camera.jpeg_quality, camera.source) == (15.0, 60, 'sim')
    assert any('camera.source may not come from a saved file' in note for note in config.notes)


def test_a_single_value_is_checked_as_ros_holds_it() -> None:
    assert configuration.checked_value('camera', 'rate_hz', 15) == 15.0
    assert configuration.checked_value('camera', 'use_sim_time', True) is True
    with pytest.raises(ConfigurationError, match='outside'):
        configuration.checked_value('camera', 'rate_hz', 1e9)


def test_what_a_dump_says_can_be_given_back() -> None:
    of_ros = {'use_sim_time': False, 'start_type_description_service': True}
    for spec in GRAPH:
        defaults = {name: params.plain(value) for name, value in params.flatten(spec.parameters()()).items()}
        text = dumped(f'/turret/{spec.name}', {**defaults, **of_ros})
        config = configuration.check([parse_layer(text, 'dump')], 'turret', GRAPH)
        assert config.effective[spec.name] == spec.parameters()()
        assert config.values[spec.name]['start_type_description_service'] is True


# The examples

EXAMPLES = {
    'pi5_step_dir.yaml': 'step_dir', 'pi4_tmc2209.yaml': 'tmc2209', 'pi_servo_gpio.yaml': 'servo',
    'pi_pca9685.yaml': 'pca9685', 'pi5_feetech.yaml': 'feetech'}
#: Builds on computers without pins.
OTHER_EXAMPLES = {
    'usb_dynamixel.yaml': 'dynamixel', 'usb_pico.yaml': 'pico', 'ros2_control.yaml': 'ros', 'onvif_ptz.yaml': 'onvif'}


def test_every_example_is_tested() -> None:
    folder = Path(configuration.__file__).parents[1] / 'config'
    examples = {path.name for path in folder.glob('*.yaml') if '\n/**/gimbal:' in path.read_text()}
    assert examples == {*EXAMPLES, *OTHER_EXAMPLES, 'simulation.yaml'}


@pytest.mark.parametrize(('name', 'driver'), EXAMPLES.items())
def test_an_example_describes_a_whole_build_with_a_laser_that_is_off_until_its_owner_decides(
        name: str, driver: str) -> None:
    config = configuration.compose('turret', [Path(name)])
    gimbal, laser, safety = config.hardware()
    assert config.simulated() == []
    assert gimbal.driver == driver
    assert not gimbal.home_on_start
    assert (laser.hardware, laser.dry_run, laser.watchdog_fitted, laser.power) == (True, True, False, 0.0)
    with pytest.raises(TurretError) as refusal:  # no example answers for the owner
        configuration.compose('turret', [Path(name)], ['laser.dry_run=false'])
    assert refusal.value.code is ReasonCode.NO_WATCHDOG
    assert (laser.watchdog_pin, safety.estop_driver) == (24, 'gpio')
    pins = wiring.pins(gimbal, laser, safety)
    if 'step_dir' in str(pins):
        assert max(pin for pin, what in pins.items() if 'enable' in what) <= 8, 'pulled up at reset: no current'
    assert min(pin for pin, what in pins.items() if what.startswith('laser')) >= 9, 'pulled down at reset: dark'


def test_one_pin_for_two_nodes_is_refused() -> None:
    with pytest.raises(TurretError, match='GPIO 20 is used by both'):
        configuration.compose('turret', [Path('pi5_step_dir.yaml')], ['laser.laser_pin=20'])


def test_a_file_here_wins_over_an_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path('pi5_step_dir.yaml').write_text('/**/gimbal: {ros__parameters: {idle_release_s: 7.0}}')
    assert configuration.compose('turret', [Path('pi5_step_dir.yaml')]).effective['gimbal'].idle_release_s == 7.0


@pytest.mark.parametrize(('assignments', 'starts'), [
    ([], False), (['safety.exclusion=always'], True),
    (['laser.driver=gpio_pwm', 'laser.no_watchdog_accepted=true'], True),
    (['laser.driver=gpio_pwm', 'laser.no_watchdog_accepted=true', 'safety.exclusion=never'], False)])
def test_people_are_looked_for_with_a_real_laser_or_when_asked_for(assignments: list[str], starts: bool) -> None:
    names = [spec.name for spec in configuration.compose('turret', assignments=assignments).nodes]
    assert ('exclusion' in names) is starts


def test_the_files_that_nodes_are_started_with_are_not_taken_for_saved_ones() -> None:
    pytest.importorskip('mcap', reason='the graph has no bag node without mcap')
    pytest.importorskip('zstandard', reason='the graph has no bag node without zstandard')
    config = configuration.compose('turret', assignments=['web.port=8123', 'gimbal.pan.max_velocity=2.0'])
    config.write(configuration.effective_folder('turret'))
    again = configuration.compose('turret')
    assert again.notes == ()
    assert again.effective['web'].port == 8000


@pytest.mark.parametrize(('name', 'driver'), OTHER_EXAMPLES.items())
def test_an_example_without_pins_has_no_laser_and_refuses_one_until_its_owner_says_so(name: str, driver: str) -> None:
    config = configuration.compose('turret', [Path(name)])
    gimbal, laser, safety = config.hardware()
    assert config.simulated() == ['safety', 'laser']
    assert gimbal.driver == driver
    assert not gimbal.home_on_start
    assert not laser.hardware
    assert wiring.pins(gimbal, laser, safety) == {}
    with pytest.raises(TurretError) as refusal:
        configuration.compose('turret', [Path(name)], ['laser.driver=gpio_digital'])
    assert refusal.value.code is ReasonCode.NO_WATCHDOG


def test_a_host_starts_only_its_groups_and_checks_the_parameters_of_all() -> None:
    whole = configuration.compose('turret')
    parts = [configuration.compose('turret', groups=groups_named(group.name)) for group in GROUPS]
    assert sorted(spec.name for part in parts for spec in part.nodes) == sorted(spec.name for spec in whole.nodes)
    for part in parts:
        with pytest.raises(ConfigurationError, match='gimbal'):
            configuration.compose(
                'turret', assignments=['gimbal.no_such=1'], groups=tuple({spec.group for spec in part.nodes}))


def test_vision_alone_takes_compressed_images_of_a_remote_camera_by_default() -> None:
    def remote(text: str, *assignments: str) -> bool:
        config = configuration.compose('turret', assignments=assignments, groups=groups_named(text))
        return bool(config.effective['vision'].camera_remote)

    assert remote('perception')
    assert remote('perception,operator')
    assert not remote('')
    assert not remote('hardware,perception')
    assert not remote('perception', 'vision.camera_remote=false')


@pytest.mark.parametrize('node', ['safety', 'laser', 'gimbal', 'camera', 'exclusion', 'plant', 'controller'])
def test_what_needs_the_permit_or_a_pin_never_leaves_the_host_of_the_hardware(node: str) -> None:
    assert not next(spec for spec in GRAPH if spec.name == node).group.remote


def test_an_unknown_group_is_refused() -> None:
    with pytest.raises(TurretError, match='hardware, perception, control, operator'):
        groups_named('hardware,brain')


@pytest.mark.parametrize(('words', 'method'), [
    ([], 'balloon'), (['camera.source=file'], 'motion'), (['camera.source=v4l2'], 'motion'),
    (['camera.source=file', 'vision.method=haar'], 'haar'),
])
def test_the_detector_of_balloons_is_for_the_simulated_camera_only(words: list[str], method: str) -> None:
    assert configuration.compose('detector_of_source', assignments=words).effective['vision'].method == method
