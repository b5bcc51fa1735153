"""The arguments of the launch files; the documents and the launch files read them."""

from __future__ import annotations

from typing import NamedTuple

from turret_bringup.graph import DEFAULT_NAMESPACE
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
             ('bag.record_on_start={}',)),
    Argument('rviz', 'false', 'start rviz, with what it shows', SWITCH),
    Argument('log_level', 'info', 'least severity that the nodes write', ('debug', 'info', 'warn', 'error', 'fatal')),
)

#: Of ``view.launch.py``.
VIEW = (
    *COMMON,
    Argument('rviz', 'true', 'start rviz with the turret\'s configuration', SWITCH),
    Argument('rqt', 'false', 'start rqt with image, plots, parameters and diagnostics', SWITCH),
)
