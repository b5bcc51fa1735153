// SPDX-License-Identifier: Apache-2.0
/** The topics, services and actions that the panel uses, relative to the turret's namespace, with their types. */

import type { Actions, Messages as OwnMessages, Services, Time } from '../generated/interfaces';

interface Header { stamp: Time; frame_id: string }

/** What the panel uses of messages that are not the turret's own. */
interface ForeignMessages {
  'sensor_msgs/msg/JointState': { header: Header; name: string[]; position: (number | null)[] };
  'rcl_interfaces/msg/Log': { stamp: Time; level: number; name: string; msg: string };
  /** The bytes of `data` are base64. */
  'sensor_msgs/msg/CompressedImage': { header: Header; format: string; data: string };
  'sensor_msgs/msg/CameraInfo': { header: Header; width: number; height: number; k: number[] };
}

type Messages = OwnMessages & ForeignMessages;

export const TOPICS = {
  'status': 'turret_msgs/msg/TurretStatus',
  'vision/tracks': 'turret_msgs/msg/TrackArray',
  'vision/mask/compressed': 'sensor_msgs/msg/CompressedImage',
  'controller/state': 'turret_msgs/msg/ControllerState',
  'gimbal/state': 'turret_msgs/msg/GimbalState',
  'laser/state': 'turret_msgs/msg/LaserState',
  'safety/state': 'turret_msgs/msg/SafetyState',
  'controller/target': 'turret_msgs/msg/AimTarget',
  'exclusion/people': 'turret_msgs/msg/PeopleArray',
  'bag/events': 'rcl_interfaces/msg/Log',
  'replay/state': 'turret_msgs/msg/ReplayState',
  'joint_states': 'sensor_msgs/msg/JointState',
  'camera/camera_info': 'sensor_msgs/msg/CameraInfo',
} as const satisfies Record<string, keyof Messages>;

/** Topics that are published faster than the panel needs: minimum time between two messages [ms]. */
export const THROTTLE_MS: Partial<Record<TopicName, number>> = {
  'gimbal/state': 100, 'controller/state': 100, 'joint_states': 40, 'controller/target': 40, 'camera/camera_info': 1000,
  'vision/mask/compressed': 100,
};

export const SERVICES = {
  'camera/capture_still': 'turret_msgs/srv/CaptureStill',
  'camera/start_recording': 'turret_msgs/srv/StartRecording',
  'camera/stop_recording': 'turret_msgs/srv/StopRecording',
  'camera/list_media': 'turret_msgs/srv/ListMedia',
  'camera/rename_media': 'turret_msgs/srv/RenameMedia',
  'camera/delete_media': 'turret_msgs/srv/DeleteMedia',
  'vision/teach_color': 'turret_msgs/srv/TeachColor',
  'controller/set_mode': 'turret_msgs/srv/SetMode',
  'controller/select_target': 'turret_msgs/srv/SelectTarget',
  'controller/move_to': 'turret_msgs/srv/MoveTo',
  'controller/nudge': 'turret_msgs/srv/Nudge',
  'controller/jog': 'turret_msgs/srv/Jog',
  'controller/look_at_pixel': 'turret_msgs/srv/LookAtPixel',
  'controller/save_preset': 'turret_msgs/srv/SavePreset',
  'controller/recall_preset': 'turret_msgs/srv/RecallPreset',
  'controller/delete_preset': 'turret_msgs/srv/DeletePreset',
  'controller/set_boresight': 'turret_msgs/srv/SetBoresight',
  'gimbal/set_enabled': 'turret_msgs/srv/SetEnabled',
  'gimbal/set_home': 'turret_msgs/srv/SetHome',
  'gimbal/access_registers': 'turret_msgs/srv/AccessRegisters',
  'laser/arm': 'turret_msgs/srv/Arm',
  'laser/disarm': 'turret_msgs/srv/Disarm',
  'laser/fire': 'turret_msgs/srv/Fire',
  'laser/reset_count': 'turret_msgs/srv/ResetCount',
  'laser/set_power': 'turret_msgs/srv/SetPower',
  'replay/set_paused': 'turret_msgs/srv/SetReplayPaused',
  'replay/step': 'turret_msgs/srv/StepReplay',
  'replay/seek': 'turret_msgs/srv/SeekReplay',
  'replay/set_rate': 'turret_msgs/srv/SetReplayRate',
  'replay/set_gap_skipping': 'turret_msgs/srv/SetReplayGapSkipping',
  'replay/list_events': 'turret_msgs/srv/ListReplayEvents',
  'replay/seek_event': 'turret_msgs/srv/SeekReplayEvent',
  'safety/acquire_lease': 'turret_msgs/srv/AcquireLease',
  'safety/release_lease': 'turret_msgs/srv/ReleaseLease',
  'safety/heartbeat': 'turret_msgs/srv/Heartbeat',
  'safety/stop': 'turret_msgs/srv/Stop',
  'safety/reset': 'turret_msgs/srv/ResetStop',
  'safety/set_zones': 'turret_msgs/srv/SetZones',
  'safety/confirm_region': 'turret_msgs/srv/ConfirmRegion',
  'safety/set_auto_fire': 'turret_msgs/srv/SetAutoFire',
  'status/get_faults': 'turret_msgs/srv/GetFaults',
  'bag/start': 'turret_msgs/srv/StartBag',
  'bag/stop': 'turret_msgs/srv/StopBag',
  'bag/list': 'turret_msgs/srv/ListBags',
  'bag/save_last': 'turret_msgs/srv/SaveLast',
  'bag/mark': 'turret_msgs/srv/MarkBag',
  'bag/rename': 'turret_msgs/srv/RenameBag',
  'bag/delete': 'turret_msgs/srv/DeleteBag',
  'bag/start_replay': 'turret_msgs/srv/StartReplay',
  'bag/stop_replay': 'turret_msgs/srv/StopReplay',
} as const satisfies Record<string, keyof Services>;

export const ACTIONS = {
  'controller/run_pattern': 'turret_msgs/action/RunPattern',
  'controller/calibrate_boresight': 'turret_msgs/action/CalibrateBoresight',
  'controller/measure_delay': 'turret_msgs/action/MeasureDelay',
  'controller/auto_tune': 'turret_msgs/action/AutoTune',
  'controller/check_bearings': 'turret_msgs/action/CheckBearings',
  'camera/calibrate': 'turret_msgs/action/CalibrateCamera',
  'gimbal/home': 'turret_msgs/action/Home',
  'gimbal/calibrate': 'turret_msgs/action/Calibrate',
} as const satisfies Record<string, keyof Actions>;

/** Nodes whose parameters may be looked at and changed, and saved by their own `save_parameters` service. */
export const PARAMETER_NODES = ['camera', 'vision', 'controller', 'gimbal', 'laser', 'safety', 'bag'] as const;

export type TopicName = keyof typeof TOPICS;
export type ServiceName = keyof typeof SERVICES;
export type ActionName = keyof typeof ACTIONS;
export type ParameterNode = (typeof PARAMETER_NODES)[number];

export type Message<T extends TopicName> = Messages[(typeof TOPICS)[T]];
export type Request<S extends ServiceName> = Services[(typeof SERVICES)[S]]['request'];
export type Response<S extends ServiceName> = Services[(typeof SERVICES)[S]]['response'];
export type Goal<A extends ActionName> = Actions[(typeof ACTIONS)[A]]['goal'];
export type Result<A extends ActionName> = Actions[(typeof ACTIONS)[A]]['result'];
export type Feedback<A extends ActionName> = Actions[(typeof ACTIONS)[A]]['feedback'];
