# SPDX-License-Identifier: Apache-2.0
"""Arguments of the launch files, from which the launch files and the documents are generated."""

from __future__ import annotations

from typing import NamedTuple

from turret_bringup.settings.graph import DEFAULT_NAMESPACE
from turret_web.web_parameters import BRIDGES, VIDEOS


class Argument(NamedTuple):
    """Argument of a launch file; ``parameters`` are the ``node.name=value`` settings it stands for when it is given."""

    name: str
    default: str
    description: str
    choices: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()


SWITCH = ('true', 'false')

#: Arguments that every launch file has.
COMMON = (
    Argument('namespace', DEFAULT_NAMESPACE, 'ROS namespace of the turret'),
    Argument('params_file', '', 'parameter files separated by colons; later ones take precedence'),
    Argument('set', '', 'single parameters, node.name=value separated by spaces; take precedence over files'),
    Argument('frame_prefix', '', 'prefix of every frame id, including its slash', (), ('*.frame_prefix="{}"',)),
    Argument('use_sim_time', 'false', 'use the time of /clock', SWITCH, ('*.use_sim_time={}',)),
)

#: Of ``turret.launch.py``.
TURRET = (
    *COMMON,
    Argument('sim', 'auto', 'simulated hardware; auto: unless params_file configures a driver', ('auto', *SWITCH)),
    Argument('only', '', 'groups to start on this host, separated by commas: hardware, perception, control, operator; '
             'empty: all'),
    Argument('peers', '', 'other hosts of the turret, names or addresses separated by commas'),
    Argument('discovery_server', '', 'Fast DDS discovery server, host or host:port'),
    Argument('camera', '', 'device of a real camera, for example /dev/video0', (),
             ('camera.source=v4l2', 'camera.device="{}"')),
    Argument('video_file', '', 'video file used instead of a camera', (),
             ('camera.source=file', 'camera.video_file="{}"')),
    Argument('bridge', '', 'rosbridge server at the address of the panel; empty: from the parameters',
             ('', *BRIDGES), ('web.bridge={}',)),
    Argument('video', '', 'video server at the address of the panel; empty: from the parameters',
             ('', *VIDEOS), ('web.video={}',)),
    Argument('host', '', 'address that the panel listens on; empty: from the parameters', (), ('web.host="{}"',)),
    Argument('port', '', 'port that the panel listens on; empty: from the parameters', (), ('web.port={}',)),
    Argument('record', 'off', 'selection to record in a bag from the start', ('off', 'light', 'full', 'all'),
             ('bag.record_on_start="{}"',)),
    Argument('rviz', 'false', 'start rviz and the markers it shows', SWITCH),
    Argument('log_level', 'info', 'minimum severity that the nodes log', ('debug', 'info', 'warn', 'error', 'fatal')),
)

#: Of ``view.launch.py``.
VIEW = (
    *COMMON,
    Argument('rviz', 'true', 'start rviz with the configuration of the turret', SWITCH),
    Argument('rqt', 'false', 'start rqt with image, plots, parameters and diagnostics', SWITCH),
)

#: Of ``replay.launch.py``.
REPLAY = (
    Argument('bag', '', 'folder of a bag, or an MCAP file'),
    Argument('domain', '', 'ROS domain to use; empty: a free one'),
    Argument('rate', '1.0', 'playback rate, in recorded seconds per second'),
    Argument('loop', 'false', 'restart at the end', SWITCH),
    Argument('hold', 'false', 'pause at the end instead of exiting', SWITCH),
    Argument('paused', 'false', 'pause at the start', SWITCH),
    Argument('start', '0.0', 'start position in the bag in seconds'),
    Argument('end', '0.0', 'end position in the bag in seconds; 0: its end'),
    Argument('skip_gaps', '0.0', 'maximum time without messages in seconds; longer gaps are skipped; 0: skip none'),
    Argument('topics', '', 'patterns of the topics to play, separated by spaces; empty: all'),
    Argument('remap', '', 'topics to play under other names, /from:=/to separated by spaces'),
    Argument('clock', '200.0', 'maximum rate of /clock, the recorded time; 0: none'),
    Argument('into', '', 'nodes that run again on the recording: vision, control, or both separated by a space'),
    Argument('set', '', 'single parameters of the nodes that run again, node.name=value separated by spaces'),
    Argument('panel', 'true', 'start a panel', SWITCH),
    Argument('port', '', 'port of the panel; empty: the first free one from 8000 on'),
    Argument('log_level', 'info', 'minimum severity that the nodes log: debug, info, warn, error, fatal'),
)
