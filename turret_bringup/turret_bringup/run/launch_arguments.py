"""The arguments of the launch files; the documents and the launch files read them."""

from __future__ import annotations

from typing import NamedTuple

from turret_bringup.settings.graph import DEFAULT_NAMESPACE
from turret_web.web_parameters import BRIDGES, VIDEOS


class Argument(NamedTuple):
    """An argument of a launch file; ``parameters`` are the ``node.name=value`` that it stands for when it is given."""

    name: str
    default: str
    description: str
    choices: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()


SWITCH = ('true', 'false')

#: Arguments that every launch file has.
COMMON = (
    Argument('namespace', DEFAULT_NAMESPACE, 'ROS namespace of the turret'),
    Argument('params_file', '', 'parameter files, with a colon between them; later ones win'),
    Argument('set', '', 'single parameters, node.name=value with a space between them; win over files'),
    Argument('frame_prefix', '', 'put before every frame id, with its slash', (), ('*.frame_prefix="{}"',)),
    Argument('use_sim_time', 'false', 'take the time from /clock', SWITCH, ('*.use_sim_time={}',)),
)

#: Of ``turret.launch.py``.
TURRET = (
    *COMMON,
    Argument('sim', 'auto', 'simulated hardware; auto: unless params_file names a driver', ('auto', *SWITCH)),
    Argument('camera', '', 'a real camera, for example /dev/video0', (),
             ('camera.source=v4l2', 'camera.device="{}"')),
    Argument('video_file', '', 'footage in place of a camera', (), ('camera.source=file', 'camera.video_file="{}"')),
    Argument('bridge', '', 'server of the rosbridge protocol behind the panel\'s address; empty: as the parameters say',
             ('', *BRIDGES), ('web.bridge={}',)),
    Argument('video', '', 'server of the video behind the panel\'s address; empty: as the parameters say',
             ('', *VIDEOS), ('web.video={}',)),
    Argument('host', '', 'address that the panel listens on; empty: as the parameters say', (), ('web.host="{}"',)),
    Argument('port', '', 'port that the panel listens on; empty: as the parameters say', (), ('web.port={}',)),
    Argument('record', 'off', 'record a bag from the start on: which selection', ('off', 'light', 'full', 'all'),
             ('bag.record_on_start="{}"',)),
    Argument('rviz', 'false', 'start rviz, with what it shows', SWITCH),
    Argument('log_level', 'info', 'least severity that the nodes write', ('debug', 'info', 'warn', 'error', 'fatal')),
)

#: Of ``view.launch.py``.
VIEW = (
    *COMMON,
    Argument('rviz', 'true', 'start rviz with the turret\'s configuration', SWITCH),
    Argument('rqt', 'false', 'start rqt with image, plots, parameters and diagnostics', SWITCH),
)

#: Of ``replay.launch.py``, which has nothing in common with a turret that runs.
REPLAY = (
    Argument('bag', '', 'folder of a bag, or an MCAP file'),
    Argument('domain', '', 'ROS domain to use; empty: one that is free'),
    Argument('rate', '1.0', 'recorded seconds per second'),
    Argument('loop', 'false', 'begin again at the end', SWITCH),
    Argument('hold', 'false', 'stay at the end instead of ending', SWITCH),
    Argument('paused', 'false', 'wait at the start', SWITCH),
    Argument('start', '0.0', 'begin so many seconds into the bag'),
    Argument('topics', '', 'patterns of the topics to play, with a space between them; empty: all'),
    Argument('remap', '', 'topics to play under other names, /from:=/to with a space between them'),
    Argument('clock', '200.0', 'largest rate of /clock, the recorded time; 0: none'),
    Argument('into', '', 'what runs again on what was recorded: vision, control, or both with a space between them'),
    Argument('set', '', 'single parameters of nodes that run again, node.name=value with a space between them'),
    Argument('panel', 'true', 'whether to have a panel', SWITCH),
    Argument('port', '', 'port of the panel; empty: the first free one from 8000 on'),
    Argument('log_level', 'info', 'least severity that the nodes write: debug, info, warn, error, fatal'),
)
