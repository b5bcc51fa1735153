# SPDX-License-Identifier: Apache-2.0
"""All topics, services and actions of the turret: name, type, quality of service, owner.

The documentation is generated from this list, and a test compares it with the running graph. Names are relative to the
turret's namespace, except those that begin with a slash.
"""

from __future__ import annotations

from typing import NamedTuple


class Topic(NamedTuple):
    """A topic. Its only publisher is ``node``; ``operator`` stands for panels, joysticks and client programs."""

    name: str
    type: str
    node: str
    qos: str
    rate: str
    purpose: str


class Service(NamedTuple):
    """A service and the node that provides it."""

    name: str
    type: str
    node: str


class Action(NamedTuple):
    """An action and the node that runs it."""

    name: str
    type: str
    node: str


class Qos(NamedTuple):
    """A quality of service; it keeps the newest ``depth`` messages."""

    reliable: bool
    latched: bool
    depth: int

    @property
    def words(self) -> str:
        """The policies by their names in ROS."""
        return (f'{"reliable" if self.reliable else "best effort"}, '
                f'{"transient local" if self.latched else "volatile"}, depth {self.depth}')


#: The qualities of service of the topics; :mod:`turret_common.ros.qos` has them as profiles of rclpy.
QOS: dict[str, Qos] = {
    'STATE': Qos(True, True, 1),
    'IMAGE_OUT': Qos(True, False, 1),  # reliable: many viewers request it
    'PERMIT': Qos(False, False, 1),
    'STREAM': Qos(True, False, 5),
    'COMMAND': Qos(True, False, 1),
    'STATUS': Qos(True, False, 1),
}

_FAST = 'on change and 10 Hz'
_SLOW = 'on change and 2 Hz'

TOPICS: tuple[Topic, ...] = (
    Topic('camera/image_raw', 'sensor_msgs/msg/Image', 'camera', 'IMAGE_OUT', 'per frame', 'camera image'),
    Topic('camera/image_raw/compressed', 'sensor_msgs/msg/CompressedImage', 'camera', 'IMAGE_OUT',
          'per frame, while subscribed', 'camera image as JPEG'),
    Topic('camera/camera_info', 'sensor_msgs/msg/CameraInfo', 'camera', 'STREAM', 'per frame',
          'lens and size, with the stamp of the image'),
    Topic('camera/audio', 'turret_msgs/msg/AudioChunk', 'camera', 'STREAM', '10 Hz, while subscribed',
          'microphone audio'),
    Topic('camera/state', 'turret_msgs/msg/CameraState', 'camera', 'STATE', _SLOW, 'source, exposure, recording'),
    Topic('vision/detections', 'turret_msgs/msg/DetectionArray', 'vision', 'STREAM', 'per processed frame',
          'detections in pixels'),
    Topic('vision/tracks', 'turret_msgs/msg/TrackArray', 'vision', 'STREAM', 'per processed frame',
          'targets over time, as bearings'),
    Topic('vision/image_annotated/compressed', 'sensor_msgs/msg/CompressedImage', 'vision', 'IMAGE_OUT',
          'per processed frame, while subscribed', 'camera image with boxes and track ids'),
    Topic('vision/mask/compressed', 'sensor_msgs/msg/CompressedImage', 'vision', 'IMAGE_OUT',
          'per processed frame, while subscribed', 'pixels that a detector by motion or color takes for objects'),
    Topic('vision/state', 'turret_msgs/msg/VisionState', 'vision', 'STATE', _SLOW, 'method, rate, problems'),
    Topic('exclusion/people', 'turret_msgs/msg/PeopleArray', 'exclusion', 'STREAM', 'per processed frame',
          'people and faces to keep the beam away from; with a real laser, or when enabled'),
    Topic('controller/state', 'turret_msgs/msg/ControllerState', 'controller', 'STATE', _FAST,
          'mode, target, error, gains, crosshair, presets, pattern'),
    Topic('controller/target', 'turret_msgs/msg/AimTarget', 'controller', 'STREAM', 'per control cycle while aiming',
          'aim point after prediction'),
    Topic('controller/fire_request', 'turret_msgs/msg/FireRequest', 'controller', 'COMMAND', 'per decision',
          'request of automatic fire, which safety grants or refuses'),
    Topic('gimbal/command', 'turret_msgs/msg/GimbalCommand', 'controller', 'COMMAND', '20 Hz or more',
          'commanded motion of the head; 200 ms time-out'),
    Topic('gimbal/state', 'turret_msgs/msg/GimbalState', 'gimbal', 'STATE', _FAST, 'both axes, limits, switches'),
    Topic('joint_states', 'sensor_msgs/msg/JointState', 'gimbal', 'STREAM', '100 Hz or more',
          'pan_joint and tilt_joint, stamped when measured'),
    Topic('laser/state', 'turret_msgs/msg/LaserState', 'laser', 'STATE', _FAST, 'state machine, caps, counters'),
    Topic('safety/permit', 'turret_msgs/msg/SafetyPermit', 'safety', 'PERMIT', '50 Hz',
          'permission to move and to emit; it expires after 100 ms'),
    Topic('safety/fire_grant', 'turret_msgs/msg/FireGrant', 'safety', 'PERMIT', 'with each heartbeat',
          'state of the trigger for the laser'),
    Topic('safety/state', 'turret_msgs/msg/SafetyState', 'safety', 'STATE', _FAST, 'permit, operator, zones, stop'),
    Topic('status', 'turret_msgs/msg/TurretStatus', 'status', 'STATUS', '2 Hz', 'state of the whole turret'),
    Topic('/diagnostics', 'diagnostic_msgs/msg/DiagnosticArray', 'status', 'STREAM', '1 Hz',
          'health by diagnostic conventions'),
    Topic('replay/state', 'turret_msgs/msg/ReplayState', 'replay', 'STATE', _FAST,
          'only during a replay: position in the bag'),
    Topic('markers', 'visualization_msgs/msg/MarkerArray', 'markers', 'STREAM', '15 Hz, while subscribed',
          'tracks, aim ray, prediction, zones, limits and frustum for rviz and Foxglove'),
    Topic('bag/state', 'turret_msgs/msg/BagState', 'bag', 'STATE', _SLOW, 'recording, ring buffer, free space'),
    Topic('bag/events', 'rcl_interfaces/msg/Log', 'bag', 'STREAM', 'on event',
          'marks of operators, shots, faults, steps of the clock'),
    Topic('sim/ground_truth', 'turret_msgs/msg/SimGroundTruth', 'plant', 'STREAM', '200 Hz',
          'simulation only: ground truth for evaluation'),
)

_T = 'turret_msgs/srv/'

SERVICES: tuple[Service, ...] = (
    Service('camera/capture_still', _T + 'CaptureStill', 'camera'),
    Service('camera/start_recording', _T + 'StartRecording', 'camera'),
    Service('camera/stop_recording', _T + 'StopRecording', 'camera'),
    Service('camera/list_media', _T + 'ListMedia', 'camera'),
    Service('camera/rename_media', _T + 'RenameMedia', 'camera'),
    Service('camera/delete_media', _T + 'DeleteMedia', 'camera'),
    Service('camera/get_time', _T + 'GetTime', 'camera'),
    Service('vision/teach_color', _T + 'TeachColor', 'vision'),
    Service('controller/set_mode', _T + 'SetMode', 'controller'),
    Service('controller/select_target', _T + 'SelectTarget', 'controller'),
    Service('controller/move_to', _T + 'MoveTo', 'controller'),
    Service('controller/nudge', _T + 'Nudge', 'controller'),
    Service('controller/jog', _T + 'Jog', 'controller'),
    Service('controller/look_at_pixel', _T + 'LookAtPixel', 'controller'),
    Service('controller/save_preset', _T + 'SavePreset', 'controller'),
    Service('controller/recall_preset', _T + 'RecallPreset', 'controller'),
    Service('controller/delete_preset', _T + 'DeletePreset', 'controller'),
    Service('controller/set_boresight', _T + 'SetBoresight', 'controller'),
    Service('gimbal/set_enabled', _T + 'SetEnabled', 'gimbal'),
    Service('gimbal/set_home', _T + 'SetHome', 'gimbal'),
    Service('gimbal/access_registers', _T + 'AccessRegisters', 'gimbal'),
    Service('laser/arm', _T + 'Arm', 'laser'),
    Service('laser/disarm', _T + 'Disarm', 'laser'),
    Service('laser/fire', _T + 'Fire', 'laser'),
    Service('laser/reset_count', _T + 'ResetCount', 'laser'),
    Service('laser/set_power', _T + 'SetPower', 'laser'),
    Service('safety/acquire_lease', _T + 'AcquireLease', 'safety'),
    Service('safety/release_lease', _T + 'ReleaseLease', 'safety'),
    Service('safety/heartbeat', _T + 'Heartbeat', 'safety'),
    Service('safety/stop', _T + 'Stop', 'safety'),
    Service('safety/reset', _T + 'ResetStop', 'safety'),
    Service('safety/set_zones', _T + 'SetZones', 'safety'),
    Service('safety/confirm_region', _T + 'ConfirmRegion', 'safety'),
    Service('safety/set_auto_fire', _T + 'SetAutoFire', 'safety'),
    Service('status/get_faults', _T + 'GetFaults', 'status'),
    Service('replay/set_paused', _T + 'SetReplayPaused', 'replay'),
    Service('replay/step', _T + 'StepReplay', 'replay'),
    Service('replay/seek', _T + 'SeekReplay', 'replay'),
    Service('replay/set_rate', _T + 'SetReplayRate', 'replay'),
    Service('replay/set_gap_skipping', _T + 'SetReplayGapSkipping', 'replay'),
    Service('replay/list_events', _T + 'ListReplayEvents', 'replay'),
    Service('replay/seek_event', _T + 'SeekReplayEvent', 'replay'),
    Service('bag/start', _T + 'StartBag', 'bag'),
    Service('bag/stop', _T + 'StopBag', 'bag'),
    Service('bag/list', _T + 'ListBags', 'bag'),
    Service('bag/save_last', _T + 'SaveLast', 'bag'),
    Service('bag/mark', _T + 'MarkBag', 'bag'),
    Service('bag/rename', _T + 'RenameBag', 'bag'),
    Service('bag/delete', _T + 'DeleteBag', 'bag'),
    Service('bag/start_replay', _T + 'StartReplay', 'bag'),
    Service('bag/stop_replay', _T + 'StopReplay', 'bag'),
)

_A = 'turret_msgs/action/'

ACTIONS: tuple[Action, ...] = (
    Action('gimbal/home', _A + 'Home', 'gimbal'),
    Action('gimbal/calibrate', _A + 'Calibrate', 'gimbal'),
    Action('controller/run_pattern', _A + 'RunPattern', 'controller'),
    Action('controller/measure_delay', _A + 'MeasureDelay', 'controller'),
    Action('controller/auto_tune', _A + 'AutoTune', 'controller'),
    Action('controller/calibrate_boresight', _A + 'CalibrateBoresight', 'controller'),
    Action('controller/check_bearings', _A + 'CheckBearings', 'controller'),
    Action('camera/calibrate', _A + 'CalibrateCamera', 'camera'),
)
