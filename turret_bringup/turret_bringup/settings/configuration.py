# SPDX-License-Identifier: Apache-2.0
"""The parameters of every node, put together from all sources and checked before anything starts.

Order of precedence, weakest first: defaults of the parameter dataclasses, the packaged file, files that nodes saved,
``--params`` files, single values of the command line. Parameter files have ROS's form::

    /**/gimbal:            # or /<namespace>/gimbal; /** for every node that has the parameter
      ros__parameters:
        driver: sim
        pan: {max_rate: 2.0}
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from turret_bringup.bags.libraries import can_record, missing_bag_libraries
from turret_bringup.settings.graph import (
    DEFAULT_NAMESPACE,
    GRAPH,
    GROUPS,
    VIEWERS,
    Group,
    NodeSpec,
)
from turret_common import params
from turret_common.errors import TurretError
from turret_common.params import ParamSpec
from turret_common.paths import state_dir
from turret_common.reason_codes import ReasonCode
from turret_common.user_files import parse_yaml, read_text
from turret_control import wiring

#: What every ROS node declares by itself.
_OF_ROS = {
    name: ParamSpec(name, bool, default, params.ParamInfo(text, saved=False)) for name, default, text in (
        ('use_sim_time', False, 'Take the time from /clock.'),
        ('start_type_description_service', True, 'Offer the service that describes types.'))}
_EVERY_NODE = '*'

#: Parameter values by node and dotted parameter name.
Values = dict[str, dict[str, Any]]


class ConfigurationError(TurretError, ValueError):
    """A parameter file or a command-line value cannot be used; the message begins with where it stands."""


@dataclasses.dataclass(frozen=True)
class Layer:
    """Parameter values from one source.

    Attributes:
        origin: name of the source; every error message begins with it.
        values: by node (``*`` for every node that has the parameter) and dotted name, not yet checked.
        saved: written by nodes themselves: what cannot be used is left out with a note instead of refused.
    """

    origin: str
    values: Values
    saved: bool = False


@dataclasses.dataclass(frozen=True)
class Configuration:
    """What is to be started, and with which parameters.

    Attributes:
        namespace: of the turret, without slashes at the ends.
        nodes: of the graph, in its order.
        values: that differ from the defaults of the dataclasses, by node and dotted name.
        effective: the whole parameter dataclass of each node, also of those that only look.
        notes: what was left out of saved files and why, one sentence each.
    """

    namespace: str
    nodes: tuple[NodeSpec, ...]
    values: Values
    effective: Mapping[str, Any]
    notes: tuple[str, ...] = ()

    def starts(self, node: str) -> bool:
        """Return whether a node starts on this host."""
        return any(spec.name == node for spec in self.nodes)

    def simulated(self) -> list[str]:
        """Return the names of the nodes whose hardware is simulated."""
        return [spec.name for spec in self.nodes if _backend(spec, self.effective) == 'sim']

    def hardware(self) -> tuple[Any, Any, Any]:
        """Return the parameters of the nodes that own pins, as :mod:`turret_control.wiring` takes them."""
        return self.effective['gimbal'], self.effective['laser'], self.effective['safety']

    def write(self, folder: Path) -> dict[str, Path]:
        """Write one parameter file for each node into ``folder``; return their paths by node."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = {}
        for spec in self.nodes:
            plain = {name: params.plain(value) for name, value in self.values[spec.name].items()}
            paths[spec.name] = folder / f'{spec.name}.yaml'
            paths[spec.name].write_text(yaml.safe_dump({f'/**/{spec.name}': {'ros__parameters': plain}}))
        return paths


def effective_folder(namespace: str) -> Path:
    """Return the folder of the parameter files that the nodes are started with; not that of saved parameters."""
    return state_dir(namespace) / 'effective_parameters'


def compose(
        namespace: str, files: Sequence[Path] = (), assignments: Sequence[str] = (),
        simulation: bool | None = None, graph: Sequence[NodeSpec] = GRAPH, groups: Sequence[Group] = GROUPS,
        panel_port: int | None = None) -> Configuration:
    """Return the checked configuration of a turret.

    All values are checked, also those of nodes on other hosts, so that all hosts can share their files.

    Args:
        namespace: of the turret.
        files: parameter files, later ones win.
        assignments: single values, ``node.parameter=value`` with the value in YAML.
        simulation: whether the packaged ``simulation.yaml`` is the base. None: unless a file names a hardware driver.
        graph: the nodes to choose from.
        groups: those that start on this host.
        panel_port: of the panel unless a file or an assignment names another; None = as in its dataclass.

    Raises:
        ConfigurationError: a file is missing or is not a parameter file, or a node, a name or a value is not allowed.
        TurretError: a GPIO pin is given to two purposes.
    """
    given = [read_layer(path, namespace) for path in files] + [assigned_layer(assignments)]
    if simulation is None:
        simulation = not any(names_hardware(layer, graph) for layer in given)
    base = [packaged_layer('simulation.yaml', namespace)] if simulation else []
    assigned = [namespace_layer(namespace, panel_port), *split_layers(graph, groups)]
    above = [*saved_layers(namespace, graph), *given]
    config = check([*assigned, *base, *above], namespace, graph)
    if simulation and config.effective['camera'].source != 'sim':  # it does not show the balloons of the simulation
        config = check([*assigned, *base, assigned_layer(['vision.method=motion']), *above], namespace, graph)
    config = dataclasses.replace(config, nodes=tuple(spec for spec in config.nodes if spec.group in groups))
    if graph is GRAPH:
        wiring.pins(*config.hardware())
        if not can_record():
            config = dataclasses.replace(config, notes=(*config.notes, without_bags(missing_bag_libraries())))
    return config


def namespace_layer(namespace: str, panel_port: int | None = None) -> Layer:
    """Return the parameters that keep the turrets of one host apart."""
    name = namespace.strip('/')
    values: Values = {} if name in ('', DEFAULT_NAMESPACE) else {_EVERY_NODE: {'frame_prefix': f'{name}/'}}
    if panel_port is not None:
        values['web'] = {'port': panel_port}
    return Layer('namespace', values)


def split_layers(graph: Sequence[NodeSpec], groups: Sequence[Group]) -> list[Layer]:
    """Return the parameters that depend on which nodes run on this host; none where all do."""
    here = {spec.name for spec in graph if spec.group in groups}
    remote = 'vision' in here and 'camera' not in here and graph is GRAPH
    return [Layer('groups', {'vision': {'camera_remote': True}})] if remote else []


def without_bags(missing: Sequence[str]) -> str:
    """Return the sentence for missing packages that bags need."""
    return (f'no bags can be recorded or read without the Python packages {", ".join(missing)}: '
            f'python3 -m pip install --user --break-system-packages {" ".join(missing)}')


def packaged_or(path: Path) -> Path:
    """Return the path of a parameter file; a bare name that is not a file here means a packaged file."""
    packaged = resources.files('turret_bringup') / 'config' / path.name
    if not path.exists() and path.name == str(path) and packaged.is_file():
        return Path(str(packaged))
    return path


def announcement(config: Configuration) -> str:
    """Return the line that lists what is simulated and what is real."""
    simulated = config.simulated()
    if not config.starts('gimbal'):
        return f'WITHOUT HARDWARE: this host runs {", ".join(spec.name for spec in config.nodes)}'
    if not simulated:
        return 'HARDWARE: nothing is simulated'
    return f'SIMULATION: {", ".join(simulated)} work on simulated hardware'


def check(layers: Iterable[Layer], namespace: str, graph: Sequence[NodeSpec]) -> Configuration:
    """Check each value of each layer against the nodes' dataclasses and put the layers over each other.

    Raises:
        ConfigurationError: naming the layer, the node and the parameter.
    """
    classes = {spec.name: spec.parameters() for spec in (*graph, *VIEWERS)}
    known = {name: {**params.specs(cls), **_OF_ROS} for name, cls in classes.items()}
    values: Values = {name: {} for name in known}
    notes = []
    for layer in layers:
        for node, name, value in _walk(layer, known):
            try:
                values[node][name] = _checked(layer, node, name, value, known)
            except TurretError as error:
                if not layer.saved:
                    raise
                notes.append(f'{error.message}; left out')
    effective: dict[str, Any] = {}
    for node, cls in classes.items():
        own = {name: value for name, value in values[node].items() if name not in _OF_ROS}
        try:
            effective[node] = params.build(cls, own)
        except TurretError as error:
            raise ConfigurationError(error.code, f'parameters of {node}: {error.message}') from error
    needs_plant = any(_backend(spec, effective) == 'sim' for spec in graph)
    nodes = tuple(
        spec for spec in graph
        if (needs_plant or not spec.simulation_only) and (spec.when is None or spec.when(effective)))
    return Configuration(namespace.strip('/') or DEFAULT_NAMESPACE, nodes, values, effective, tuple(notes))


def checked_value(node: str, name: str, value: Any) -> Any:
    """Return one value for a node of the graph as ROS holds it.

    Raises:
        ConfigurationError: the node, the name or the value is not allowed.
    """
    cls = next(spec for spec in (*GRAPH, *VIEWERS) if spec.name == node).parameters()
    known = {node: {**params.specs(cls), **_OF_ROS}}
    return params.plain(_checked(Layer('command line', {}), node, name, value, known))


def packaged_layer(name: str, namespace: str = DEFAULT_NAMESPACE) -> Layer:
    """Return a parameter file of this package."""
    text = (resources.files('turret_bringup') / 'config' / name).read_text()
    return parse_layer(text, name, namespace)


def saved_layers(namespace: str, graph: Sequence[NodeSpec] = GRAPH) -> list[Layer]:
    """Return what the nodes of a turret saved."""
    folder = state_dir(namespace) / 'parameters'
    paths = [folder / f'{spec.name}.yaml' for spec in (*graph, *VIEWERS)]
    return [dataclasses.replace(read_layer(path, namespace), saved=True) for path in paths if path.is_file()]


def read_layer(path: Path, namespace: str = DEFAULT_NAMESPACE) -> Layer:
    """Read a parameter file, given by its path or by the name of one that comes with the turret.

    Raises:
        ConfigurationError: it cannot be read or is not a parameter file.
    """
    try:
        text = read_text(packaged_or(path))
    except TurretError as error:
        raise ConfigurationError(error.code, f'cannot read the parameter file {path}: {error.message}') from error
    return parse_layer(text, str(path), namespace)


def parse_layer(text: str, origin: str, namespace: str = DEFAULT_NAMESPACE) -> Layer:
    """Return the layer that a parameter file's text describes. Raises as :func:`read_layer`."""
    def refuse(what: str) -> ConfigurationError:
        return ConfigurationError(ReasonCode.INVALID_ARGUMENT, f'{origin}: {what}')

    try:
        document = parse_yaml(text)
    except TurretError as error:
        raise refuse(error.message) from error
    if not isinstance(document, dict):
        raise refuse('a parameter file begins with a node, for example "/**/gimbal:"')
    values: Values = {}
    for key, entry in document.items():
        if not isinstance(entry, dict) or set(entry) != {'ros__parameters'}:
            raise refuse(f'under "{key}" there must be "ros__parameters:" and nothing else')
        if not isinstance(entry['ros__parameters'], dict):
            raise refuse(f'"ros__parameters" of "{key}" holds no parameters')
        values.setdefault(_node_of(str(key), namespace, refuse), {}).update(_flatten(entry['ros__parameters']))
    return Layer(origin, values)


def assigned_layer(assignments: Sequence[str]) -> Layer:
    """Return the layer of ``node.parameter=value`` texts.

    Raises:
        ConfigurationError: a text has not this form.
    """
    values: Values = {}
    for assignment in assignments:
        target, equals, text = assignment.partition('=')
        node, dot, name = target.strip().partition('.')
        try:
            value = parse_yaml(text)
        except TurretError:
            value = text
        if not (equals and dot and node and name):
            raise ConfigurationError(
                ReasonCode.INVALID_ARGUMENT, f'"{assignment}" has not the form node.parameter=value')
        values.setdefault(node, {})[name] = value
    return Layer('command line', values)


def _node_of(key: str, namespace: str, refuse: Any) -> str:
    prefix = f'/{namespace.strip("/")}/'
    if key == '/**':
        return _EVERY_NODE
    for start in ('/**/', prefix):
        if key.startswith(start) and '/' not in key[len(start):]:
            return key[len(start):]
    raise refuse(f'"{key}" is none of "/**/NODE:", "{prefix}NODE:" and "/**:"')


def _flatten(entry: Mapping[Any, Any], prefix: str = '') -> Iterator[tuple[str, Any]]:
    for key, value in entry.items():
        if isinstance(value, dict):
            yield from _flatten(value, f'{prefix}{key}.')
        else:
            yield f'{prefix}{key}', value


def _walk(layer: Layer, known: Mapping[str, Mapping[str, ParamSpec]]) -> Iterator[tuple[str, str, Any]]:
    for node, entries in layer.values.items():
        for name, value in entries.items():
            owners = [node] if node != _EVERY_NODE else [owner for owner in known if name in known[owner]]
            if not owners:
                raise ConfigurationError(
                    ReasonCode.UNKNOWN_NAME, f'{layer.origin}: no node has the parameter "{name}"')
            for owner in owners:
                yield owner, name, value


def _checked(
        layer: Layer, node: str, name: str, value: Any, known: Mapping[str, Mapping[str, ParamSpec]]) -> Any:
    if node not in known:
        raise ConfigurationError(
            ReasonCode.UNKNOWN_NAME, f'{layer.origin}: there is no node "{node}"{_nearest(node, known)}')
    if name not in known[node]:
        raise ConfigurationError(
            ReasonCode.UNKNOWN_NAME,
            f'{layer.origin}: {node} has no parameter "{name}"{_nearest(name, known[node])}')
    spec = known[node][name]
    if layer.saved and not spec.info.saved:
        raise ConfigurationError(
            ReasonCode.READ_ONLY, f'{layer.origin}: {node}.{name} may not come from a saved file')
    try:
        return params.check(spec, value)
    except TurretError as error:
        raise ConfigurationError(error.code, f'{layer.origin}: {node}.{error.message}') from error


def _nearest(name: str, candidates: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(candidates), 1)
    return f'; did you mean "{close[0]}"?' if close else ''


def _backend(spec: NodeSpec, effective: Mapping[str, Any]) -> Any:
    return getattr(effective[spec.name], spec.backend) if spec.backend else None


def names_hardware(layer: Layer, graph: Sequence[NodeSpec]) -> bool:
    """Return whether a layer chooses a driver of real hardware."""
    drivers = (layer.values.get(spec.name, {}).get(spec.backend) for spec in graph if spec.package == 'turret_control')
    return any(driver not in (None, 'sim') for driver in drivers)
