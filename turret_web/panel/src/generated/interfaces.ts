// SPDX-License-Identifier: Apache-2.0
// Generated from turret_msgs by scripts/generate_interfaces.mjs. Do not edit.

/** A floating-point field. JSON has no NaN: the bridge sends null for it. */
export type Float = number | null;
export interface Time { sec: number; nanosec: number }
export interface Header { stamp: Time; frame_id: string }
export interface Point { x: Float; y: Float; z: Float }


export interface AimTarget {
  /** stamp: the time the prediction is for; frame_id base_link */
  header: Header;
  /** empty = none */
  track_id: string;
  /** [rad] base_link; NaN = none */
  azimuth: Float;
  /** [rad] base_link; NaN = none */
  elevation: Float;
  /** [rad/s] */
  azimuth_rate: Float;
  /** [rad/s] */
  elevation_rate: Float;
  /** [s] prediction time after the stamp of the measurement */
  lead_s: Float;
  /** [rad] angle between the aim point and the laser direction; NaN = none */
  aim_error: Float;
}

export interface AudioChunk {
  /** stamp: capture time of the first sample */
  header: Header;
  /** "mp3": whole MPEG audio frames */
  format: string;
  /** [Hz] */
  sample_rate: number;
  /** number of audio channels */
  channels: number;
  /** encoded audio */
  data: number[];
}

export interface AudioState {
  /** one of STATUS_* */
  status: number;
  /** ReasonCode while FAILED; OK = none */
  code: number;
  /** human-readable text; empty = none */
  message: string;
  /** e.g. "alsa default"; empty = none is configured */
  source: string;
  /** [dBFS] peak level of the last 0.1 s; NaN = not capturing */
  level: Float;
}
export const AudioState = {
  STATUS_OFF: 0,
  STATUS_IDLE: 1,
  STATUS_CAPTURING: 2,
  STATUS_FAILED: 3,
} as const;

export interface AxisState {
  /** "pan" or "tilt" */
  name: string;
  /** one of STATE_* */
  state: number;
  /** one of POSITION_* */
  position_source: number;
  /** [rad]; NaN = unknown */
  position: Float;
  /** [rad/s]; NaN = unknown */
  velocity: Float;
  /** [rad] soft limit */
  lower: Float;
  /** [rad] soft limit */
  upper: Float;
  /** [rad/s] active limit */
  max_velocity: Float;
  /** [rad/s^2] active limit */
  max_acceleration: Float;
  /** motor is powered */
  enabled: boolean;
  moving: boolean;
  /** reference found since power-up */
  homed: boolean;
  /** [rad] home position in the driver's own coordinates; NaN = not homed */
  home: Float;
  /** travel range measured since power-up */
  calibrated: boolean;
  /** one of SWITCH_* */
  lower_switch: number;
  /** one of SWITCH_* */
  upper_switch: number;
}
export const AxisState = {
  STATE_UNKNOWN: 0,
  STATE_DISABLED: 1,
  STATE_HOLDING: 2,
  STATE_MOVING: 3,
  STATE_HOMING: 4,
  STATE_CALIBRATING: 5,
  STATE_LIMIT: 6,
  STATE_FAULT: 7,
  POSITION_UNKNOWN: 0,
  POSITION_MEASURED: 1,
  POSITION_COUNTED: 2,
  POSITION_COMMANDED: 3,
  SWITCH_UNKNOWN: 0,
  SWITCH_NONE: 1,
  SWITCH_OPEN: 2,
  SWITCH_PRESSED: 3,
  SWITCH_UNREADABLE: 4,
} as const;

export interface BagInfo {
  /** folder name */
  name: string;
  /** stamp of the first message */
  start: Time;
  /** [s] */
  duration_s: Float;
  /** [byte] */
  size: number;
  /** total of all files of the bag */
  messages: number;
  /** false: not closed properly, recovery required */
  complete: boolean;
}

export interface BagState {
  /** stamp: when it was published */
  header: Header;
  /** when the node started */
  started: Time;
  recording: boolean;
  /** bag being written, or the last one; empty = none */
  name: string;
  /** "light", "full", "all"; empty = none */
  selection: string;
  /** [s] current length */
  duration_s: Float;
  /** [byte] written */
  size: number;
  /** written */
  messages: number;
  /** messages dropped because the writer was too slow */
  dropped: number;
  /** [s] length of the ring buffer, available to save_last */
  held_s: Float;
  /** [byte] size of the ring buffer */
  held_size: number;
  /** bag last saved from the ring buffer; empty = none */
  saved: string;
  /** [byte] free disk space */
  free_space: number;
  /** ReasonCode; OK = none */
  code: number;
  /** human-readable text; empty = none */
  message: string;
  /** bag that is being replayed; empty = none */
  replay: string;
  /** TCP port of the panel of that replay, once it answers; 0 = not yet */
  replay_port: number;
  /** why the last replay failed, as a sentence; empty = it has not */
  replay_message: string;
}

export interface BoundingBox {
  /** [px] center; NaN = no box */
  center_x: Float;
  /** [px] center; NaN = no box */
  center_y: Float;
  /** [px] >= 0 */
  width: Float;
  /** [px] >= 0 */
  height: Float;
}

export interface CameraState {
  /** stamp: when it was published */
  header: Header;
  /** when the node started */
  started: Time;
  /** "sim", "file", "v4l2", "picamera2", "images", "stream", "topic" */
  source: string;
  /** device, file or URL; empty = none */
  source_detail: string;
  /** true: live images of the real world */
  hardware: boolean;
  /** true: fixed to the base, only the laser moves; false: on the head */
  on_base: boolean;
  /** one of STATUS_* */
  status: number;
  /** ReasonCode while not streaming; OK = none */
  code: number;
  /** human-readable text; empty = none */
  message: string;
  /** [px] */
  width: number;
  /** [px] */
  height: number;
  /** encoding of image_raw, e.g. "bgr8"; empty = unknown */
  encoding: string;
  /** [Hz] measured frame rate; NaN = no frames yet */
  rate_hz: Float;
  /** frames delivered since start */
  frames: number;
  /** frames lost before publishing since start */
  dropped: number;
  /** one of STAMP_* */
  stamp_source: number;
  auto_exposure: boolean;
  /** [us] exposure time; NaN = unknown */
  exposure_us: Float;
  /** linear; NaN = unknown */
  analog_gain: Float;
  /** linear; NaN = unknown */
  digital_gain: Float;
  auto_white_balance: boolean;
  /** red, blue, linear; NaN = unknown */
  color_gains: Float[];
  /** [lx]; NaN = unknown */
  lux: Float;
  /** -1..1; NaN = not adjustable */
  brightness: Float;
  /** 0..2; NaN = not adjustable */
  contrast: Float;
  /** 0..2; NaN = not adjustable */
  saturation: Float;
  recording: RecordingState;
  audio: AudioState;
}
export const CameraState = {
  STATUS_UNKNOWN: 0,
  STATUS_STARTING: 1,
  STATUS_STREAMING: 2,
  STATUS_RECOVERING: 3,
  STATUS_ENDED: 4,
  STAMP_UNKNOWN: 0,
  STAMP_SENSOR: 1,
  STAMP_ARRIVAL: 2,
  STAMP_SIMULATED: 3,
} as const;

export interface ControllerState {
  /** stamp: when it was published */
  header: Header;
  /** when the node started */
  started: Time;
  /** one of MODE_* */
  mode: number;
  /** one of TRACKING_* */
  tracking: number;
  /** current target track; empty = none */
  target_id: string;
  /** track selected by the operator; empty = by priority */
  selected_id: string;
  /** one of PRIORITY_* */
  priority: number;
  /** return to home when the target is lost */
  recenter_on_loss: boolean;
  /** prediction and feed-forward enabled */
  predictive: boolean;
  /** [rad] angle between aim point and measured pose; NaN = no target */
  aim_error: Float;
  /** aim error below the threshold for the settling time */
  on_target: boolean;
  /** [Hz] measured rate of the control cycle */
  rate_hz: Float;
  pan_pid: PidState;
  tilt_pid: PidState;
  crosshair: CrosshairState;
  pattern: PatternState;
  presets: Preset[];
  /** ReasonCode that prevents the selected mode; OK = none */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}
export const ControllerState = {
  MODE_IDLE: 0,
  MODE_MANUAL: 1,
  MODE_TRACK: 2,
  MODE_PATTERN: 3,
  MODE_OVERLAY: 4,
  TRACKING_OFF: 0,
  TRACKING_SEARCHING: 1,
  TRACKING_FOLLOWING: 2,
  TRACKING_COASTING: 3,
  TRACKING_RECENTERING: 4,
  PRIORITY_LARGEST: 0,
  PRIORITY_NEAREST: 1,
  PRIORITY_LEFTMOST: 2,
  PRIORITY_RIGHTMOST: 3,
  PRIORITY_MOST_CONFIDENT: 4,
} as const;

export interface CrosshairState {
  /** [px] full image, origin top-left; NaN = unknown */
  x: Float;
  /** [px]; NaN = unknown */
  y: Float;
  /** [m] target distance used in the computation */
  range: Float;
  /** true: estimated from the apparent size of the target; false: configured */
  range_estimated: boolean;
  /** true: a boresight was measured or set */
  calibrated: boolean;
  /** [rad] laser direction relative to the camera, positive left */
  boresight_azimuth: Float;
  /** [rad] positive up */
  boresight_elevation: Float;
  /** [m] laser relative to the camera, positive left */
  offset_y: Float;
  /** [m] positive up */
  offset_z: Float;
  /** [rad] RMS of the calibration; NaN = not measured */
  residual: Float;
}

export interface Detection {
  /** class name of the detector ("motion", "face", "balloon", ...); empty = unknown */
  class_id: string;
  /** 0..1; NaN = not provided by the method */
  confidence: Float;
  /** bounding box in pixels */
  box: BoundingBox;
}

export interface DetectionArray {
  /** stamp and frame of the image (exposure midpoint, camera_optical_frame) */
  header: Header;
  /** detection method ("motion", "haar", "balloon", ...) */
  method: string;
  /** [px] width of the image the boxes refer to */
  width: number;
  /** [px] height of the image the boxes refer to */
  height: number;
  /** [s] processing time of the detector */
  processing_s: Float;
  detections: Detection[];
}

export interface DetectionState {
  enabled: boolean;
  /** "motion", "haar", "balloon", ... */
  method: string;
  /** variant of the method, e.g. the cascade's name; empty = none */
  mode: string;
  /** whether vision/mask/compressed is published for this method */
  has_mask: boolean;
  /** methods available on this machine */
  available: string[];
  /** [Hz] images processed per second; NaN = none yet */
  rate_hz: Float;
  /** [s] mean time per image; NaN = none yet */
  processing_s: Float;
  /** detections in the newest image */
  count: number;
  /** frames dropped since start because a newer one had arrived */
  dropped: number;
}

export interface Fault {
  /** name of the affected node without namespace; never empty */
  node: string;
  /** ReasonCode; never OK */
  code: number;
  /** one human-readable sentence */
  message: string;
  /** one of SEVERITY_* */
  severity: number;
  /** [s] since the fault occurred */
  age_s: Float;
  /** false: resolved, kept for the record */
  active: boolean;
}
export const Fault = {
  SEVERITY_UNKNOWN: 0,
  SEVERITY_WARNING: 1,
  SEVERITY_ERROR: 2,
} as const;

export interface FireGrant {
  /** [ns] epoch of the corresponding permit */
  epoch: number;
  /** increases with each grant within an epoch; a repetition is ignored */
  seq: number;
  /** [ns] CLOCK_MONOTONIC of this host when it was issued */
  monotonic_ns: number;
  /** one of SOURCE_* */
  source: number;
  /** true: fire; false: the trigger was released */
  trigger: boolean;
  /** SOURCE_AUTO: number of the burst; a grant with the same number renews it */
  burst: number;
  /** HMAC-SHA256 (first 32 hex digits) of all other fields under the key of the run */
  mac: string;
}
export const FireGrant = {
  SOURCE_UNKNOWN: 0,
  SOURCE_OPERATOR: 1,
  SOURCE_AUTO: 2,
} as const;

export interface FireRequest {
  /** stamp of the image on which the decision is based */
  header: Header;
  /** increases by one per decision */
  seq: number;
  /** target of the decision */
  track_id: string;
  /** [rad] predicted aim error at fire time */
  aim_error: Float;
  /** HMAC-SHA256 (first 32 hex digits) of all other fields under the key of the run */
  mac: string;
}

export interface GimbalCommand {
  /** stamp: when it was computed; frame_id base_link */
  header: Header;
  /** [ns] CLOCK_MONOTONIC at the start of the controller process; identifies a restart */
  epoch: number;
  /** increases by one per message within an epoch */
  seq: number;
  /** [ns] CLOCK_MONOTONIC of this host when it was computed */
  monotonic_ns: number;
  /** one of MODE_* */
  mode: number;
  /** [rad] target, positive left; used in MODE_POSITION, NaN otherwise */
  pan: Float;
  /** [rad] target, positive up; used in MODE_POSITION, NaN otherwise */
  tilt: Float;
  /** [rad/s] MODE_VELOCITY: the rate; MODE_POSITION: maximum rate, NaN = limit of the axis */
  pan_rate: Float;
  /** [rad/s] as pan_rate */
  tilt_rate: Float;
  /** HMAC-SHA256 (first 32 hex digits) of all other fields under the key of the run */
  mac: string;
}
export const GimbalCommand = {
  MODE_STOP: 0,
  MODE_VELOCITY: 1,
  MODE_POSITION: 2,
} as const;

export interface GimbalState {
  /** stamp: when it was published; frame_id base_link */
  header: Header;
  /** when the node started */
  started: Time;
  /** "sim", "step_dir", "tmc2209", "servo", "pca9685" */
  driver: string;
  /** true: real motors */
  hardware: boolean;
  pan: AxisState;
  tilt: AxisState;
  /** number of times that a reference was found: differs when home may have changed */
  home_count: number;
  /** one of MOTION_*: current source of motion */
  motion: number;
  /** [s] age of the newest command; NaN = none yet */
  command_age_s: Float;
  /** [s] until the motors are switched off; NaN = never */
  idle_release_s: Float;
  /** ReasonCode that prevents the commanded motion; OK = none */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}
export const GimbalState = {
  MOTION_NONE: 0,
  MOTION_COMMAND: 1,
  MOTION_HOMING: 2,
  MOTION_CALIBRATING: 3,
} as const;

export interface LaserState {
  /** stamp: when it was published */
  header: Header;
  /** when the node started */
  started: Time;
  /** "sim", "gpio_pwm", "gpio_digital", "servo_relay", "pico" */
  driver: string;
  /** true: a real laser */
  hardware: boolean;
  /** true: dry run, emission off */
  dry_run: boolean;
  /** an external hardware watchdog is declared as fitted, or was measured at the start (driver pico) */
  watchdog_fitted: boolean;
  /** the owner accepted operation without a watchdog */
  no_watchdog_accepted: boolean;
  /** "standard" or "class2_play" */
  profile: string;
  /** [s] emission time left in this hour; NaN = not limited by the profile */
  session_remaining_s: Float;
  /** one of STATE_* */
  state: number;
  /** the fire line is high */
  emitting: boolean;
  /** the emission indicator is on */
  indicator: boolean;
  /** 0..1 fraction of full power */
  power: Float;
  /** 0..1 maximum power */
  power_cap: Float;
  /** [s] until armed; 0 when not arming */
  arming_remaining_s: Float;
  /** [s] until the arm expires; 0 when not armed */
  arm_remaining_s: Float;
  /** [s]; 0 when none */
  cooldown_remaining_s: Float;
  /** 0..1 duty cycle used in the current window */
  duty: Float;
  /** 0..1 */
  duty_cap: Float;
  /** [s] default pulse length */
  pulse_s: Float;
  /** default pulses per burst */
  burst_count: number;
  /** [s] default pause between pulses */
  burst_gap_s: Float;
  /** [s] pause after a burst */
  cooldown_s: Float;
  /** pulses emitted since start or reset */
  fire_count: number;
  /** pulses counted in dry run since start or reset */
  dry_fire_count: number;
  /** a fire request would be accepted */
  ready: boolean;
  /** ReasonCode that prevents firing or stopped emission; OK = ready */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}
export const LaserState = {
  STATE_OFF: 0,
  STATE_ARMING: 1,
  STATE_ARMED: 2,
  STATE_FIRING: 3,
  STATE_COOLDOWN: 4,
  STATE_FAULT: 5,
} as const;

export interface MediaItem {
  /** file name without folder */
  name: string;
  /** one of KIND_* */
  kind: number;
  /** [byte] */
  size: number;
  /** time of the last modification */
  modified: Time;
  /** [s] length of a video; NaN = unknown, or a still */
  duration_s: Float;
}
export const MediaItem = {
  KIND_UNKNOWN: 0,
  KIND_STILL: 1,
  KIND_VIDEO: 2,
} as const;

export interface MotionState {
  /** motion is the selected method */
  active: boolean;
  /** motion detected in the newest image */
  motion_detected: boolean;
  /** variance threshold of the background model; lower = more sensitive */
  sensitivity: Float;
  /** [px^2] minimum area of a region */
  min_area: number;
}

export interface PatternState {
  running: boolean;
  /** paused because of a target or by the operator */
  paused: boolean;
  /** empty = none */
  name: string;
  /** index of the current step, from 0 */
  step: number;
  /** steps in one pass; 0 = unlimited */
  step_count: number;
  loop: boolean;
  /** [s] of the step's dwell; NaN = moving */
  remaining_s: Float;
}

export interface PeopleArray {
  /** stamp of the image; frame_id base_link */
  header: Header;
  /** [s] processing time of the detectors */
  processing_s: Float;
  /** [cores] recent CPU usage of the process; NaN = unknown */
  cpu: Float;
  /** [s] for which the images have been bit-identical; 0 = different from the previous one */
  unchanged_s: Float;
  /** ReasonCode that prevents detection; OK = none */
  code: number;
  /** human-readable text; empty = none */
  message: string;
  people: Person[];
}

export interface Person {
  /** "person", "face", ... */
  class_id: string;
  /** bounding box in the image, for display */
  box: BoundingBox;
  /** [rad] of the center; NaN = unknown, treated as near the beam */
  azimuth: Float;
  /** [rad]; NaN = unknown */
  elevation: Float;
  /** [rad] of the circle around the center that contains the whole box; NaN = unknown */
  radius: Float;
}

export interface PidState {
  /** [1/s] rate per aiming error */
  kp: Float;
  /** [1/s^2] */
  ki: Float;
  /** [1] */
  kd: Float;
  /** [rad] target - axis; NaN = no target */
  error: Float;
  /** [rad/s]; NaN = not running */
  p_term: Float;
  /** [rad/s]; NaN = not running */
  i_term: Float;
  /** [rad/s]; NaN = not running */
  d_term: Float;
  /** [rad/s]; NaN = not running */
  feedforward: Float;
  /** [rad/s] after limits; NaN = not running */
  output: Float;
}

export interface Preset {
  /** unique; 1 to 40 characters */
  name: string;
  /** [rad] positive left */
  pan: Float;
  /** [rad] positive up */
  tilt: Float;
}

export interface ReasonCode {
  /** one of the constants below; 0 = OK, nothing to report */
  value: number;
}
export const ReasonCode = {
  OK: 0,
  INVALID_ARGUMENT: 1,
  NOT_FINITE: 2,
  OUT_OF_RANGE: 3,
  UNKNOWN_NAME: 4,
  NOT_READY: 5,
  BUSY: 6,
  TIMED_OUT: 7,
  IO_ERROR: 8,
  NOT_SUPPORTED: 9,
  CANCELLED: 10,
  INTERNAL_ERROR: 11,
  READ_ONLY: 12,
  NOT_FOUND: 13,
  ALREADY_EXISTS: 14,
  STALE_INPUT: 15,
  CLOCK_JUMPED: 16,
  STORAGE_FULL: 17,
  WRONG_MODE: 18,
  DAMAGED: 19,
  NO_OPERATOR: 100,
  WRONG_LEASE: 101,
  LEASE_TAKEN: 102,
  WRONG_SECRET: 103,
  HEARTBEAT_LOST: 104,
  HEARTBEAT_REPLAYED: 105,
  ESTOP_PRESSED: 106,
  ESTOP_UNREADABLE: 107,
  SOFTWARE_STOP: 108,
  DRIVER_SILENT: 109,
  VISION_STALE: 110,
  NOT_HOMED: 111,
  SECOND_PUBLISHER: 112,
  NO_FIRE_ZONE: 113,
  PERSON_NEAR_BEAM: 114,
  EXCLUSION_SILENT: 115,
  FRAMES_FROZEN: 116,
  REGION_NOT_CONFIRMED: 117,
  BACKEND_MIXED: 118,
  PERMIT_MISSING: 119,
  PERMIT_STALE: 120,
  PERMIT_EPOCH: 121,
  TRIGGER_NEEDS_NEW_PRESS: 122,
  MOTION_NOT_PERMITTED: 123,
  FIRE_NOT_PERMITTED: 124,
  OPERATOR_CHANGED: 125,
  NO_FLOOR_REGION: 126,
  NOT_ARMED: 200,
  ARMING: 201,
  COOLDOWN: 202,
  DUTY_EXCEEDED: 203,
  PULSE_CAP: 204,
  POWER_CAP: 205,
  ARM_EXPIRED: 206,
  NO_WATCHDOG: 207,
  GRANT_EXPIRED: 208,
  GUARDIAN_LOST: 209,
  POWER_ZERO: 210,
  SESSION_LIMIT: 211,
  BEAM_STILL: 212,
  DISARMED: 213,
  COMMAND_STALE: 300,
  SOFT_LIMIT: 301,
  LIMIT_SWITCH: 302,
  SWITCH_UNREADABLE: 303,
  NOT_ENABLED: 304,
  HOMING_FAILED: 305,
  CALIBRATION_FAILED: 306,
  IDLE_RELEASED: 307,
  DRIVER_FAULT: 308,
  CAMERA_LOST: 400,
  CAMERA_ABSENT: 401,
  NO_FRAMES: 402,
  DETECTOR_FAILED: 403,
  NO_TARGET: 404,
  TRACK_LOST: 405,
  NO_CALIBRATION: 406,
  NO_POSE: 407,
  RECORDING_FAILED: 408,
  NOT_SIGNED_IN: 500,
  NOT_ALLOWED: 501,
  RATE_LIMITED: 502,
  TOO_LARGE: 503,
  NODE_SILENT: 600,
  NODE_RESTARTED: 601,
  CLOCK_OFFSET: 602,
} as const;

export interface RecordingState {
  active: boolean;
  /** name in the media library; empty = none yet */
  filename: string;
  /** [s] current length; 0 when not recording */
  duration_s: Float;
  /** [byte] written */
  size: number;
  /** recorded with audio */
  audio: boolean;
  /** frames dropped because the encoder was too slow */
  dropped: number;
}

export interface RegisterValue {
  /** "pan" or "tilt" */
  axis: string;
  /** name in the data sheet, e.g. "IHOLD_IRUN" */
  name: string;
  /** register address of the chip */
  address: number;
  /** value read or to be written */
  value: number;
  /** false: the read failed */
  valid: boolean;
}

export interface ReplayEvent {
  /** [s] since the beginning of the bag */
  position_s: Float;
  /** severity, as in rcl_interfaces/msg/Log: 20 information, 30 warning, 40 error */
  level: number;
  /** what happened, for people */
  text: string;
}

export interface ReplayState {
  /** stamp: when it was published, by the wall clock */
  header: Header;
  /** when the node started */
  started: Time;
  /** folder of the bag */
  name: string;
  /** nodes that run again on the recording; empty = none */
  into: string[];
  /** [s] since the beginning of the bag */
  position_s: Float;
  /** [s] length of the bag */
  duration_s: Float;
  /** [s/s] recorded seconds per second */
  rate: Float;
  /** [s] longer times without messages are skipped; 0 = none are */
  min_gap_s: Float;
  /** [s] recorded time until the next message */
  silence_s: Float;
  paused: boolean;
  /** restart at the end */
  loop: boolean;
  /** the end was reached */
  ended: boolean;
  /** number of completed passes */
  passes: number;
  /** messages published */
  messages: number;
  /** [s] 95th percentile of the publishing delay of recent messages; NaN = none yet */
  late_s: Float;
  /** ROS domain of the replay */
  domain: number;
  /** ReasonCode; OK = none */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}

export interface SafetyPermit {
  /** [ns] CLOCK_MONOTONIC at the start of the safety process; identifies a restart */
  epoch: number;
  /** increases by one per message within an epoch */
  seq: number;
  /** [ns] CLOCK_MONOTONIC of this host when it was issued */
  monotonic_ns: number;
  /** emission is permitted */
  laser_ok: boolean;
  /** motion is permitted */
  motion_ok: boolean;
  /** SHA-256 (hex) of the current lease id, to authenticate callers; empty = no operator */
  lease_digest: string;
  /** ReasonCodes of all inhibits; empty = both are permitted */
  reasons: number[];
  /** number of stops in this run: nothing may continue by itself after one */
  stop_count: number;
  /** number of those that were emergency stops, which cut the supply of the motors */
  estop_count: number;
  /** HMAC-SHA256 (first 32 hex digits) of all other fields under the key of the run */
  mac: string;
}

export interface SafetyState {
  /** stamp: when it was published */
  header: Header;
  /** when the node started */
  started: Time;
  /** emission is permitted now */
  laser_ok: boolean;
  /** motion is permitted now */
  motion_ok: boolean;
  /** ReasonCodes of all inhibits; empty = none */
  reasons: number[];
  /** latched until reset */
  software_stop: boolean;
  /** one of ESTOP_* */
  estop: number;
  /** operator who holds the lease; empty = none */
  operator_name: string;
  /** [s] age of the operator's newest heartbeat; NaN = no operator or none yet */
  heartbeat_age_s: Float;
  /** the operator holds the trigger */
  trigger: boolean;
  /** automatic fire is on */
  auto_fire: boolean;
  /** [s] until automatic fire ends unless the operator acts; NaN = it is off */
  auto_fire_remaining_s: Float;
  zones: Zone[];
  /** differs between different lists of zones */
  zones_version: string;
  /** the allowed region was confirmed after the last change of the geometry */
  region_confirmed: boolean;
  /** [s] until the region must be confirmed again; NaN = not required */
  confirm_remaining_s: Float;
  /** one of EXCLUSION_* */
  exclusion: number;
  /** human-readable text; empty = none */
  message: string;
  /** [ns] CLOCK_MONOTONIC of this host when it was published */
  monotonic_ns: number;
  /** HMAC-SHA256 (first 32 hex digits) of all decisions in it, under the key of the run */
  mac: string;
}
export const SafetyState = {
  ESTOP_UNKNOWN: 0,
  ESTOP_NONE: 1,
  ESTOP_RELEASED: 2,
  ESTOP_PRESSED: 3,
  ESTOP_UNREADABLE: 4,
  EXCLUSION_OFF: 0,
  EXCLUSION_CLEAR: 1,
  EXCLUSION_BLOCKED: 2,
  EXCLUSION_SILENT: 3,
} as const;

export interface SimGroundTruth {
  /** stamp: time at which all values are valid; frame_id base_link */
  header: Header;
  /** [ns] the same instant on CLOCK_MONOTONIC */
  monotonic_ns: number;
  /** [rad] true pose of the head */
  pan: Float;
  /** [rad] */
  tilt: Float;
  /** [rad/s] */
  pan_rate: Float;
  /** [rad/s] */
  tilt_rate: Float;
  /** [rad] true direction of the laser beam */
  beam_azimuth: Float;
  /** [rad] */
  beam_elevation: Float;
  /** [rad] bearing of the laser spot, with or without emission, from the center of the head */
  spot_azimuth: Float;
  /** [rad] */
  spot_elevation: Float;
  /** [m] distance of the laser spot from the center of the head */
  spot_range: Float;
  /** level of the fire line */
  laser_pin: boolean;
  /** level of the indicator */
  indicator_pin: boolean;
  motors_enabled: boolean;
  targets: SimTarget[];
}

export interface SimTarget {
  /** unique within the scene */
  name: string;
  /** "balloon", "cat", "person" */
  kind: string;
  /** [rad] base_link */
  azimuth: Float;
  /** [rad] base_link */
  elevation: Float;
  /** [m] */
  range: Float;
  /** [rad/s] */
  azimuth_rate: Float;
  /** [rad/s] */
  elevation_rate: Float;
  /** not behind an obstacle */
  visible: boolean;
}

export interface Track {
  /** unique during the lifetime of the vision node; never reused */
  id: string;
  /** one of STATE_* */
  state: number;
  /** class of its detections; empty = unknown */
  class_id: string;
  /** 0..1 of the newest detection; NaN = unknown */
  confidence: Float;
  /** [rad] base_link, at header.stamp of the array */
  azimuth: Float;
  /** [rad] base_link, at header.stamp of the array */
  elevation: Float;
  /** [rad/s] */
  azimuth_rate: Float;
  /** [rad/s] */
  elevation_rate: Float;
  /** 4x4 row-major of azimuth, elevation, azimuth_rate, elevation_rate [rad^2, rad^2/s, rad^2/s^2] */
  covariance: Float[];
  /** [rad] apparent size */
  angular_width: Float;
  /** [rad] apparent size */
  angular_height: Float;
  /** number of associated detections */
  hits: number;
  /** number of consecutive frames without a detection */
  misses: number;
  /** [s] between the stamp of the last detection and header.stamp; 0 = detected in this image */
  unseen_s: Float;
  /** newest bounding box in pixels; NaN center while not in the image */
  box: BoundingBox;
}
export const Track = {
  STATE_UNKNOWN: 0,
  STATE_DETECTING: 1,
  STATE_TRACKING: 2,
  STATE_COASTING: 3,
  STATE_LOST: 4,
} as const;

export interface TrackArray {
  /** stamp of the image; frame_id base_link */
  header: Header;
  tracks: Track[];
}

export interface TurretStatus {
  /** stamp: when it was published; frame_id base_link */
  header: Header;
  /** increases by one per message */
  seq: number;
  /** [s] period of this message */
  period_s: Float;
  /** one of BACKEND_*; shown as badge of the panel */
  backend: number;
  /** [s] since the newest camera/state arrived; NaN = never seen */
  camera_age_s: Float;
  /** with recording */
  camera: CameraState;
  /** [s] since the newest vision/state arrived; NaN = never seen */
  vision_age_s: Float;
  /** detection and motion */
  vision: VisionState;
  /** [s] since the newest vision/tracks arrived; NaN = never seen */
  tracks_age_s: Float;
  /** newest tracks; empty when older than 1 s */
  tracks: Track[];
  /** [s] since the newest controller/state arrived; NaN = never seen */
  controller_age_s: Float;
  /** tracking mode, PID, crosshair, boresight, pattern, presets */
  controller: ControllerState;
  /** [s] since the newest gimbal/state arrived; NaN = never seen */
  gimbal_age_s: Float;
  gimbal: GimbalState;
  /** [s] since the newest laser/state arrived; NaN = never seen */
  laser_age_s: Float;
  laser: LaserState;
  /** [s] since the newest safety/state arrived; NaN = never seen */
  safety_age_s: Float;
  /** permit and operator */
  safety: SafetyState;
  /** [s] since the newest bag/state arrived; NaN = never seen */
  bag_age_s: Float;
  bag: BagState;
  /** active faults, most severe first */
  faults: Fault[];
}
export const TurretStatus = {
  BACKEND_UNKNOWN: 0,
  BACKEND_SIMULATION: 1,
  BACKEND_DRY_RUN: 2,
  BACKEND_LIVE_LASER: 3,
} as const;

export interface VisionState {
  /** stamp: when it was published */
  header: Header;
  /** when the node started */
  started: Time;
  detection: DetectionState;
  motion: MotionState;
  /** number of tracks that are TRACKING or COASTING */
  track_count: number;
  /** [s] clock of this host minus that of the camera's host; NaN = not measured */
  clock_offset_s: Float;
  /** [s] round trip of that measurement; NaN = not measured */
  round_trip_s: Float;
  /** ReasonCode of the newest problem; OK = none */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}

export interface Zone {
  /** unique; not empty */
  name: string;
  /** one of KIND_* */
  kind: number;
  /** [rad] */
  pan_min: Float;
  /** [rad] > pan_min */
  pan_max: Float;
  /** [rad] */
  tilt_min: Float;
  /** [rad] > tilt_min */
  tilt_max: Float;
}
export const Zone = {
  KIND_NO_FIRE: 0,
  KIND_ALLOWED: 1,
} as const;

export interface AccessRegisters_Request {
  /** the operator's lease */
  lease_id: string;
  /** empty = read only */
  write: RegisterValue[];
}

export interface AccessRegisters_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
  /** after the write */
  registers: RegisterValue[];
}

export interface AcquireLease_Request {
  /** operator secret (provided by the web gateway to signed-in operators) */
  secret: string;
  /** displayed name of the operator; 1 to 40 characters */
  name: string;
  /** true: also while there is another operator */
  take_over: boolean;
}

export interface AcquireLease_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
  /** random id required in every command of the operator; empty on refusal */
  lease_id: string;
  /** nonce for the first heartbeat; empty on refusal */
  nonce: string;
}

export interface Arm_Request {
  /** the operator's lease */
  lease_id: string;
}

export interface Arm_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}

export interface CaptureStill_Request {
  /** label that becomes part of the name; may be empty */
  label: string;
}

export interface CaptureStill_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
  /** in the media library; empty on refusal */
  name: string;
}

export interface ConfirmRegion_Request {
  /** the operator's lease */
  lease_id: string;
}

export interface ConfirmRegion_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}

export interface DeleteBag_Request {
  /** folder of the bag */
  name: string;
}

export interface DeleteBag_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}

export interface DeleteMedia_Request {
  name: string;
}

export interface DeleteMedia_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}

export interface DeletePreset_Request {
  /** the operator's lease */
  lease_id: string;
  name: string;
}

export interface DeletePreset_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}

export interface Disarm_Request {
}

export interface Disarm_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}

export interface Fire_Request {
  /** the operator's lease */
  lease_id: string;
  /** 1..10; 0 = the parameter burst_count */
  pulses: number;
  /** [s] 0 = the parameter pulse_s */
  pulse_s: Float;
  /** [s] pause between pulses; 0 = the parameter burst_gap_s */
  gap_s: Float;
}

export interface Fire_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}

export interface GetFaults_Request {
  /** true: only active faults */
  active_only: boolean;
}

export interface GetFaults_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
  /** newest first */
  faults: Fault[];
}

export interface GetTime_Request {
}

export interface GetTime_Response {
  /** always true */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
  /** wall clock of the host */
  stamp: Time;
}

export interface Heartbeat_Request {
  /** the operator's lease */
  lease_id: string;
  /** newest nonce received */
  nonce: string;
  /** the trigger is held */
  trigger: boolean;
}

export interface Heartbeat_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
  /** nonce for the next heartbeat; empty on refusal */
  nonce: string;
}

export interface Jog_Request {
  /** the operator's lease */
  lease_id: string;
  /** increases by one per request, so that a delayed one is refused; 0 = not numbered */
  seq: number;
  /** [rad/s] positive left */
  pan_rate: Float;
  /** [rad/s] positive up */
  tilt_rate: Float;
}

export interface Jog_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}

export interface ListBags_Request {
}

export interface ListBags_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
  /** newest first */
  bags: BagInfo[];
}

export interface ListMedia_Request {
}

export interface ListMedia_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
  /** newest first */
  items: MediaItem[];
}

export interface ListReplayEvents_Request {
}

export interface ListReplayEvents_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
  /** oldest first */
  events: ReplayEvent[];
}

export interface LookAtPixel_Request {
  /** the operator's lease */
  lease_id: string;
  /** [px] full image, origin top-left */
  x: Float;
  /** [px] */
  y: Float;
  /** stamp of the clicked image; 0 = newest */
  stamp: Time;
}

export interface LookAtPixel_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}

export interface MarkBag_Request {
  /** 1 to 200 printable characters */
  text: string;
}

export interface MarkBag_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}

export interface MoveTo_Request {
  /** the operator's lease */
  lease_id: string;
  /** [rad] positive left */
  pan: Float;
  /** [rad] positive up */
  tilt: Float;
  /** [rad/s] maximum rate; 0 = limit of the axes */
  rate: Float;
}

export interface MoveTo_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}

export interface Nudge_Request {
  /** the operator's lease */
  lease_id: string;
  /** [rad] positive left */
  pan: Float;
  /** [rad] positive up */
  tilt: Float;
}

export interface Nudge_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}

export interface RecallPreset_Request {
  /** the operator's lease */
  lease_id: string;
  name: string;
}

export interface RecallPreset_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}

export interface ReleaseLease_Request {
  /** the operator's lease */
  lease_id: string;
}

export interface ReleaseLease_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}

export interface RenameBag_Request {
  /** folder of the bag, as in ListBags */
  name: string;
  /** 1 to 120 letters, digits, spaces and . _ -; the first is a letter or a digit; not "auto_..." */
  new_name: string;
}

export interface RenameBag_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}

export interface RenameMedia_Request {
  /** name as in ListMedia */
  name: string;
  /** the extension may be left out */
  new_name: string;
}

export interface RenameMedia_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}

export interface ResetCount_Request {
  /** the operator's lease */
  lease_id: string;
}

export interface ResetCount_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}

export interface ResetStop_Request {
  /** the operator's lease */
  lease_id: string;
}

export interface ResetStop_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}

export interface SaveLast_Request {
  /** label that becomes part of the name; may be empty */
  label: string;
  /** [s] length; 0 = the whole ring buffer */
  duration_s: Float;
}

export interface SaveLast_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
  /** folder of the bag; empty on refusal */
  name: string;
}

export interface SaveParameters_Request {
}

export interface SaveParameters_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
  /** file that was written; empty on refusal */
  path: string;
}

export interface SavePreset_Request {
  /** the operator's lease */
  lease_id: string;
  /** 1 to 40 characters */
  name: string;
  /** true: current direction of the head; false: pan and tilt below */
  current: boolean;
  /** [rad] positive left */
  pan: Float;
  /** [rad] positive up */
  tilt: Float;
}

export interface SavePreset_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}

export interface SeekReplay_Request {
  /** [s] since the beginning of the bag */
  position_s: Float;
}

export interface SeekReplay_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}

export interface SeekReplayEvent_Request {
  /** to the previous one */
  backward: boolean;
}

export interface SeekReplayEvent_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
  event: ReplayEvent;
}

export interface SelectTarget_Request {
  /** the operator's lease */
  lease_id: string;
  /** as in TrackArray; empty = by priority */
  track_id: string;
  /** ControllerState.PRIORITY_* */
  priority: number;
}

export interface SelectTarget_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}

export interface SetAutoFire_Request {
  /** the operator's lease */
  lease_id: string;
  enabled: boolean;
}

export interface SetAutoFire_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}

export interface SetBoresight_Request {
  /** the operator's lease */
  lease_id: string;
  /** [rad] laser relative to camera, positive left; used when points is empty */
  azimuth: Float;
  /** [rad] positive up */
  elevation: Float;
  /** [m] laser relative to camera, positive left; NaN = keep */
  offset_y: Float;
  /** [m] positive up; NaN = keep */
  offset_z: Float;
  /** x, y [px] of the dot, z [m] distance; empty = use the angles */
  points: Point[];
  /** true: reset to zero; all other fields are ignored */
  reset: boolean;
}

export interface SetBoresight_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
  /** [rad] RMS over the points; NaN = set directly */
  residual: Float;
}

export interface SetEnabled_Request {
  /** the operator's lease */
  lease_id: string;
  enabled: boolean;
}

export interface SetEnabled_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}

export interface SetHome_Request {
  /** the operator's lease */
  lease_id: string;
}

export interface SetHome_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}

export interface SetMode_Request {
  /** the operator's lease */
  lease_id: string;
  /** ControllerState.MODE_*; MODE_PATTERN is entered by the action run_pattern */
  mode: number;
}

export interface SetMode_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}

export interface SetPower_Request {
  /** the operator's lease */
  lease_id: string;
  /** 0..1 fraction of full power; 0 = emission off */
  power: Float;
}

export interface SetPower_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}

export interface SetReplayGapSkipping_Request {
  /** [s] shorter gaps are played, 1 to 86400; 0 = skip none */
  min_gap_s: Float;
}

export interface SetReplayGapSkipping_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}

export interface SetReplayPaused_Request {
  paused: boolean;
}

export interface SetReplayPaused_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}

export interface SetReplayRate_Request {
  /** [s/s] recorded seconds per second, 0.01 to 100 */
  rate: Float;
}

export interface SetReplayRate_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}

export interface SetZones_Request {
  /** the operator's lease */
  lease_id: string;
  zones: Zone[];
  /** zones_version of the zones that were edited; empty = replace whatever is saved */
  base_version: string;
}

export interface SetZones_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}

export interface StartBag_Request {
  /** label that becomes part of the name; may be empty */
  label: string;
  /** "light", "full", "all"; empty = "light" */
  selection: string;
  /** [s] maximum duration; 0 = unlimited */
  max_s: Float;
}

export interface StartBag_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
  /** folder of the bag; empty on refusal */
  name: string;
}

export interface StartRecording_Request {
  /** label that becomes part of the name; may be empty */
  label: string;
  /** true: with overlay */
  annotated: boolean;
  /** [s] maximum duration; 0 = value of the parameter */
  max_s: Float;
}

export interface StartRecording_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
  /** in the media library; empty on refusal */
  name: string;
}

export interface StartReplay_Request {
  /** folder of the bag, as in ListBags */
  name: string;
  /** [s/s] recorded seconds per second, 0.01 to 100; 0 = 1 */
  rate: Float;
}

export interface StartReplay_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}

export interface StepReplay_Request {
  /** number of messages; 0 = up to and including the next image */
  messages: number;
}

export interface StepReplay_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}

export interface Stop_Request {
  /** reason for the log; may be empty */
  reason: string;
}

export interface Stop_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}

export interface StopBag_Request {
}

export interface StopBag_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
  /** folder of the bag; empty on refusal */
  name: string;
}

export interface StopRecording_Request {
}

export interface StopRecording_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
  /** in the media library; empty on refusal */
  name: string;
  /** [s] */
  duration_s: Float;
}

export interface StopReplay_Request {
}

export interface StopReplay_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}

export interface TeachColor_Request {
  /** [px] full image */
  x: Float;
  /** [px] */
  y: Float;
  /** [px] of the sampled disc; 0 = 5 */
  radius: number;
}

export interface TeachColor_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
  /** hue 0..1, saturation 0..1, value 0..1 */
  hsv_center: Float[];
  /** half width of each */
  hsv_range: Float[];
}

export interface AutoTune_Goal {
  /** the operator's lease */
  lease_id: string;
  /** "pan" or "tilt" */
  axis: string;
  /** [rad] maximum excursion; 0 = 0.1 */
  travel: Float;
  /** true: apply the gains immediately */
  apply: boolean;
}

export interface AutoTune_Result {
  /** false: see code */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
  /** [1/s]; NaN on failure */
  kp: Float;
  /** [1/s^2] */
  ki: Float;
  /** [1] */
  kd: Float;
  /** [1/s]; NaN on failure */
  ultimate_gain: Float;
  /** [s]; NaN on failure */
  ultimate_period_s: Float;
}

export interface AutoTune_Feedback {
  /** human-readable current phase */
  phase: string;
  /** 0..1 */
  progress: Float;
}

export interface Calibrate_Goal {
  /** the operator's lease */
  lease_id: string;
}

export interface Calibrate_Result {
  /** false: see code */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
  /** [rad] soft limits found; NaN on failure */
  pan_lower: Float;
  /** [rad] */
  pan_upper: Float;
  /** [rad] */
  tilt_lower: Float;
  /** [rad] */
  tilt_upper: Float;
}

export interface Calibrate_Feedback {
  /** "pan" or "tilt", current axis */
  axis: string;
  /** "back_off", "seek_lower", "seek_upper", "center" */
  phase: string;
  /** 0..1, estimated */
  progress: Float;
}

export interface CalibrateBoresight_Goal {
  /** the operator's lease */
  lease_id: string;
  /** [m] distance of the surface for each measurement; one = no parallax estimate */
  ranges: Float[];
  /** [s] time to move the surface to each further distance, 0..60; 0 = 10 */
  move_s: Float;
}

export interface CalibrateBoresight_Result {
  /** false: see code */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
  /** [rad] RMS; NaN on failure */
  residual: Float;
}

export interface CalibrateBoresight_Feedback {
  /** number of measured distances */
  measured: number;
  /** instruction to the operator; empty = none */
  prompt: string;
}

export interface CalibrateCamera_Goal {
  /** one of BOARD_* */
  board: number;
  /** squares across the board; 0 = 9 */
  columns: number;
  /** squares down the board; 0 = 6 */
  rows: number;
  /** BOARD_CHARUCO: marker over square, 0..1; 0 = 0.75 */
  marker: Float;
  /** different views to collect, 5 to 60; 0 = 20 */
  views: number;
}
export const CalibrateCamera_Goal = {
  BOARD_CHARUCO: 0,
  BOARD_CHESSBOARD: 1,
} as const;

export interface CalibrateCamera_Result {
  /** false: see code; nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
  /** [px] RMS of the corners against the model; NaN on failure */
  rms: Float;
  /** [rad] of the lens found; NaN on failure */
  horizontal_fov: Float;
  /** calibration file that was written; empty on failure */
  file: string;
}

export interface CalibrateCamera_Feedback {
  /** number of views collected */
  views: number;
  /** 0..1 */
  progress: Float;
  /** instruction to the operator */
  prompt: string;
}

export interface CheckBearings_Goal {
  /** the operator's lease */
  lease_id: string;
  /** [rad] maximum excursion from the target; 0 = 0.3 */
  travel: Float;
}

export interface CheckBearings_Result {
  /** false: see code */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
  /** [rad] spread of the target's bearing over the image; NaN on failure */
  rms: Float;
  /** [rad] maximum deviation from the mean; NaN on failure */
  worst: Float;
  /** best-fit focal length relative to camera_info; NaN on failure */
  scale: Float;
  /** [rad] best-fit camera roll, positive: right side down; NaN on failure */
  roll: Float;
  /** number of images compared */
  images: number;
}

export interface CheckBearings_Feedback {
  /** human-readable current phase */
  phase: string;
  /** 0..1 */
  progress: Float;
}

export interface Home_Goal {
  /** the operator's lease */
  lease_id: string;
}

export interface Home_Result {
  /** false: see code */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
}

export interface Home_Feedback {
  /** "pan" or "tilt", current axis */
  axis: string;
  /** "back_off", "seek", "approach", "center" */
  phase: string;
  /** 0..1, estimated */
  progress: Float;
}

export interface MeasureDelay_Goal {
  /** the operator's lease */
  lease_id: string;
  /** [rad] maximum excursion; 0 = 0.1 */
  travel: Float;
}

export interface MeasureDelay_Result {
  /** false: see code */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
  /** [s] exposure to time stamp; NaN = not measured */
  camera_s: Float;
  /** [s] time stamp to tracks at the controller, median; compensated per image, so not a parameter */
  processing_s: Float;
  /** [s] command to measured motion; NaN = not measured */
  actuator_s: Float;
}

export interface MeasureDelay_Feedback {
  /** human-readable current phase */
  phase: string;
  /** 0..1 */
  progress: Float;
}

export interface RunPattern_Goal {
  /** the operator's lease */
  lease_id: string;
  /** one of KIND_* */
  kind: number;
  /** KIND_PRESETS: the sequence */
  presets: string[];
  /** [rad] center of a generated pattern */
  pan_center: Float;
  /** [rad] */
  tilt_center: Float;
  /** [rad] half width of a generated pattern */
  pan_size: Float;
  /** [rad] half height */
  tilt_size: Float;
  /** [rad/s] speed along the path; 0 = the parameter */
  rate: Float;
  /** [s] pause at each step, 0..10 */
  dwell_s: Float;
  /** false: one pass */
  loop: boolean;
  /** pause to follow a target, then resume */
  pause_on_target: boolean;
  /** KIND_RANDOM: the same seed gives the same path */
  seed: number;
}
export const RunPattern_Goal = {
  KIND_PRESETS: 0,
  KIND_CIRCLE: 1,
  KIND_FIGURE_EIGHT: 2,
  KIND_RASTER: 3,
  KIND_RANDOM: 4,
} as const;

export interface RunPattern_Result {
  /** false: see code */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** human-readable text; empty = none */
  message: string;
  /** completed passes */
  passes: number;
}

export interface RunPattern_Feedback {
  pattern: PatternState;
}

export interface Messages {
  'turret_msgs/msg/AimTarget': AimTarget;
  'turret_msgs/msg/AudioChunk': AudioChunk;
  'turret_msgs/msg/AudioState': AudioState;
  'turret_msgs/msg/AxisState': AxisState;
  'turret_msgs/msg/BagInfo': BagInfo;
  'turret_msgs/msg/BagState': BagState;
  'turret_msgs/msg/BoundingBox': BoundingBox;
  'turret_msgs/msg/CameraState': CameraState;
  'turret_msgs/msg/ControllerState': ControllerState;
  'turret_msgs/msg/CrosshairState': CrosshairState;
  'turret_msgs/msg/Detection': Detection;
  'turret_msgs/msg/DetectionArray': DetectionArray;
  'turret_msgs/msg/DetectionState': DetectionState;
  'turret_msgs/msg/Fault': Fault;
  'turret_msgs/msg/FireGrant': FireGrant;
  'turret_msgs/msg/FireRequest': FireRequest;
  'turret_msgs/msg/GimbalCommand': GimbalCommand;
  'turret_msgs/msg/GimbalState': GimbalState;
  'turret_msgs/msg/LaserState': LaserState;
  'turret_msgs/msg/MediaItem': MediaItem;
  'turret_msgs/msg/MotionState': MotionState;
  'turret_msgs/msg/PatternState': PatternState;
  'turret_msgs/msg/PeopleArray': PeopleArray;
  'turret_msgs/msg/Person': Person;
  'turret_msgs/msg/PidState': PidState;
  'turret_msgs/msg/Preset': Preset;
  'turret_msgs/msg/ReasonCode': ReasonCode;
  'turret_msgs/msg/RecordingState': RecordingState;
  'turret_msgs/msg/RegisterValue': RegisterValue;
  'turret_msgs/msg/ReplayEvent': ReplayEvent;
  'turret_msgs/msg/ReplayState': ReplayState;
  'turret_msgs/msg/SafetyPermit': SafetyPermit;
  'turret_msgs/msg/SafetyState': SafetyState;
  'turret_msgs/msg/SimGroundTruth': SimGroundTruth;
  'turret_msgs/msg/SimTarget': SimTarget;
  'turret_msgs/msg/Track': Track;
  'turret_msgs/msg/TrackArray': TrackArray;
  'turret_msgs/msg/TurretStatus': TurretStatus;
  'turret_msgs/msg/VisionState': VisionState;
  'turret_msgs/msg/Zone': Zone;
}

export interface Services {
  'turret_msgs/srv/AccessRegisters': { request: AccessRegisters_Request; response: AccessRegisters_Response };
  'turret_msgs/srv/AcquireLease': { request: AcquireLease_Request; response: AcquireLease_Response };
  'turret_msgs/srv/Arm': { request: Arm_Request; response: Arm_Response };
  'turret_msgs/srv/CaptureStill': { request: CaptureStill_Request; response: CaptureStill_Response };
  'turret_msgs/srv/ConfirmRegion': { request: ConfirmRegion_Request; response: ConfirmRegion_Response };
  'turret_msgs/srv/DeleteBag': { request: DeleteBag_Request; response: DeleteBag_Response };
  'turret_msgs/srv/DeleteMedia': { request: DeleteMedia_Request; response: DeleteMedia_Response };
  'turret_msgs/srv/DeletePreset': { request: DeletePreset_Request; response: DeletePreset_Response };
  'turret_msgs/srv/Disarm': { request: Disarm_Request; response: Disarm_Response };
  'turret_msgs/srv/Fire': { request: Fire_Request; response: Fire_Response };
  'turret_msgs/srv/GetFaults': { request: GetFaults_Request; response: GetFaults_Response };
  'turret_msgs/srv/GetTime': { request: GetTime_Request; response: GetTime_Response };
  'turret_msgs/srv/Heartbeat': { request: Heartbeat_Request; response: Heartbeat_Response };
  'turret_msgs/srv/Jog': { request: Jog_Request; response: Jog_Response };
  'turret_msgs/srv/ListBags': { request: ListBags_Request; response: ListBags_Response };
  'turret_msgs/srv/ListMedia': { request: ListMedia_Request; response: ListMedia_Response };
  'turret_msgs/srv/ListReplayEvents': { request: ListReplayEvents_Request; response: ListReplayEvents_Response };
  'turret_msgs/srv/LookAtPixel': { request: LookAtPixel_Request; response: LookAtPixel_Response };
  'turret_msgs/srv/MarkBag': { request: MarkBag_Request; response: MarkBag_Response };
  'turret_msgs/srv/MoveTo': { request: MoveTo_Request; response: MoveTo_Response };
  'turret_msgs/srv/Nudge': { request: Nudge_Request; response: Nudge_Response };
  'turret_msgs/srv/RecallPreset': { request: RecallPreset_Request; response: RecallPreset_Response };
  'turret_msgs/srv/ReleaseLease': { request: ReleaseLease_Request; response: ReleaseLease_Response };
  'turret_msgs/srv/RenameBag': { request: RenameBag_Request; response: RenameBag_Response };
  'turret_msgs/srv/RenameMedia': { request: RenameMedia_Request; response: RenameMedia_Response };
  'turret_msgs/srv/ResetCount': { request: ResetCount_Request; response: ResetCount_Response };
  'turret_msgs/srv/ResetStop': { request: ResetStop_Request; response: ResetStop_Response };
  'turret_msgs/srv/SaveLast': { request: SaveLast_Request; response: SaveLast_Response };
  'turret_msgs/srv/SaveParameters': { request: SaveParameters_Request; response: SaveParameters_Response };
  'turret_msgs/srv/SavePreset': { request: SavePreset_Request; response: SavePreset_Response };
  'turret_msgs/srv/SeekReplay': { request: SeekReplay_Request; response: SeekReplay_Response };
  'turret_msgs/srv/SeekReplayEvent': { request: SeekReplayEvent_Request; response: SeekReplayEvent_Response };
  'turret_msgs/srv/SelectTarget': { request: SelectTarget_Request; response: SelectTarget_Response };
  'turret_msgs/srv/SetAutoFire': { request: SetAutoFire_Request; response: SetAutoFire_Response };
  'turret_msgs/srv/SetBoresight': { request: SetBoresight_Request; response: SetBoresight_Response };
  'turret_msgs/srv/SetEnabled': { request: SetEnabled_Request; response: SetEnabled_Response };
  'turret_msgs/srv/SetHome': { request: SetHome_Request; response: SetHome_Response };
  'turret_msgs/srv/SetMode': { request: SetMode_Request; response: SetMode_Response };
  'turret_msgs/srv/SetPower': { request: SetPower_Request; response: SetPower_Response };
  'turret_msgs/srv/SetReplayGapSkipping': { request: SetReplayGapSkipping_Request; response: SetReplayGapSkipping_Response };
  'turret_msgs/srv/SetReplayPaused': { request: SetReplayPaused_Request; response: SetReplayPaused_Response };
  'turret_msgs/srv/SetReplayRate': { request: SetReplayRate_Request; response: SetReplayRate_Response };
  'turret_msgs/srv/SetZones': { request: SetZones_Request; response: SetZones_Response };
  'turret_msgs/srv/StartBag': { request: StartBag_Request; response: StartBag_Response };
  'turret_msgs/srv/StartRecording': { request: StartRecording_Request; response: StartRecording_Response };
  'turret_msgs/srv/StartReplay': { request: StartReplay_Request; response: StartReplay_Response };
  'turret_msgs/srv/StepReplay': { request: StepReplay_Request; response: StepReplay_Response };
  'turret_msgs/srv/Stop': { request: Stop_Request; response: Stop_Response };
  'turret_msgs/srv/StopBag': { request: StopBag_Request; response: StopBag_Response };
  'turret_msgs/srv/StopRecording': { request: StopRecording_Request; response: StopRecording_Response };
  'turret_msgs/srv/StopReplay': { request: StopReplay_Request; response: StopReplay_Response };
  'turret_msgs/srv/TeachColor': { request: TeachColor_Request; response: TeachColor_Response };
}

export interface Actions {
  'turret_msgs/action/AutoTune': { goal: AutoTune_Goal; result: AutoTune_Result; feedback: AutoTune_Feedback };
  'turret_msgs/action/Calibrate': { goal: Calibrate_Goal; result: Calibrate_Result; feedback: Calibrate_Feedback };
  'turret_msgs/action/CalibrateBoresight': { goal: CalibrateBoresight_Goal; result: CalibrateBoresight_Result; feedback: CalibrateBoresight_Feedback };
  'turret_msgs/action/CalibrateCamera': { goal: CalibrateCamera_Goal; result: CalibrateCamera_Result; feedback: CalibrateCamera_Feedback };
  'turret_msgs/action/CheckBearings': { goal: CheckBearings_Goal; result: CheckBearings_Result; feedback: CheckBearings_Feedback };
  'turret_msgs/action/Home': { goal: Home_Goal; result: Home_Result; feedback: Home_Feedback };
  'turret_msgs/action/MeasureDelay': { goal: MeasureDelay_Goal; result: MeasureDelay_Result; feedback: MeasureDelay_Feedback };
  'turret_msgs/action/RunPattern': { goal: RunPattern_Goal; result: RunPattern_Result; feedback: RunPattern_Feedback };
}

/** Services and actions whose request names the operator's lease. */
export const LEASED: ReadonlySet<string> = new Set([
  'turret_msgs/srv/AccessRegisters',
  'turret_msgs/srv/Arm',
  'turret_msgs/srv/ConfirmRegion',
  'turret_msgs/srv/DeletePreset',
  'turret_msgs/srv/Fire',
  'turret_msgs/srv/Heartbeat',
  'turret_msgs/srv/Jog',
  'turret_msgs/srv/LookAtPixel',
  'turret_msgs/srv/MoveTo',
  'turret_msgs/srv/Nudge',
  'turret_msgs/srv/RecallPreset',
  'turret_msgs/srv/ReleaseLease',
  'turret_msgs/srv/ResetCount',
  'turret_msgs/srv/ResetStop',
  'turret_msgs/srv/SavePreset',
  'turret_msgs/srv/SelectTarget',
  'turret_msgs/srv/SetAutoFire',
  'turret_msgs/srv/SetBoresight',
  'turret_msgs/srv/SetEnabled',
  'turret_msgs/srv/SetHome',
  'turret_msgs/srv/SetMode',
  'turret_msgs/srv/SetPower',
  'turret_msgs/srv/SetZones',
  'turret_msgs/action/AutoTune',
  'turret_msgs/action/Calibrate',
  'turret_msgs/action/CalibrateBoresight',
  'turret_msgs/action/CheckBearings',
  'turret_msgs/action/Home',
  'turret_msgs/action/MeasureDelay',
  'turret_msgs/action/RunPattern',
]);

/** What each ReasonCode means, in the words of ReasonCode.msg. */
export const REASON_TEXTS: Readonly<Record<number, string>> = {
  0: "",
  1: "invalid value of a field",
  2: "NaN or infinity where a finite number is required",
  3: "finite, but outside the stated range",
  4: "unknown mode, method, axis, preset, parameter, ...",
  5: "the responsible component has not started or has no data yet",
  6: "another operation must finish first",
  7: "no response in time",
  8: "a file, device or socket failed",
  9: "this build, driver or backend cannot do it",
  10: "canceled on request",
  11: "internal error; see the log for details",
  12: "the value cannot be changed now",
  13: "the named thing does not exist",
  14: "the name is taken",
  15: "the newest input is too old to act on",
  16: "the wall clock was stepped",
  17: "not enough free space",
  18: "not allowed in the current mode",
  19: "damaged file",
  100: "there is no operator",
  101: "the lease id given is not the current one",
  102: "another operator holds the lease, and take_over was not requested",
  103: "the operator secret does not match",
  104: "the operator's heartbeat is older than allowed",
  105: "the heartbeat did not echo the newest nonce",
  106: "the emergency-stop input is open",
  107: "the emergency-stop input cannot be read: treated as pressed",
  108: "latched software stop",
  109: "gimbal or laser did not report in time",
  110: "detections are too old for automatic fire",
  111: "the gimbal has no reference",
  112: "more than one publisher on a single-owner topic",
  113: "the measured pose is in, or could coast into, a no-fire zone",
  114: "a person near the beam now or within the last second",
  115: "the person detector does not report",
  116: "the camera delivers identical frames",
  117: "the operator has not confirmed the allowed region",
  118: "a hardware laser with a simulated or recorded input",
  119: "no permit received yet",
  120: "the newest permit is too old",
  121: "the permit comes from a restarted safety process while the laser is not off",
  122: "the heartbeat resumed after a gap: release the trigger and press it again",
  123: "motion inhibited by the permit",
  124: "emission inhibited by the permit",
  125: "the operator changed",
  126: "the class 2 profile requires allowed zones, all of them on the floor",
  200: "arm first",
  201: "the emission delay has not elapsed",
  202: "the pause after a burst has not elapsed",
  203: "the duty-cycle cap is reached",
  204: "the maximum pulse length is reached",
  205: "power above the cap",
  206: "disarmed after the maximum time without use",
  207: "a real laser without a hardware watchdog, not accepted by the owner",
  208: "the fire grant was not renewed",
  209: "the guardian process is lost",
  210: "power is zero: no emission",
  211: "the emission time of the class 2 profile is exhausted",
  212: "the beam of the class 2 profile stopped moving",
  213: "disarmed on request",
  300: "no command within the timeout: axes stopped",
  301: "the target is outside the soft limits",
  302: "a limit switch is pressed in the direction of travel",
  303: "a limit switch cannot be read: treated as pressed",
  304: "the motors are off",
  305: "homing did not reach its reference",
  306: "calibration did not find both ends",
  307: "motors released after the idle time",
  308: "the motor driver reports a fault or is not reachable",
  400: "the image source is lost; reconnecting",
  401: "the image source cannot be opened",
  402: "no frame within the expected time",
  403: "the detector failed to start or stopped with an error",
  404: "there is no target",
  405: "the selected track is lost",
  406: "requires a calibration that does not exist",
  407: "no gimbal pose for the image's stamp",
  408: "the recorder stopped with an error",
  500: "sign in first",
  501: "not allowed for this role",
  502: "too many requests",
  503: "larger than the limit",
  600: "no state received from a node for too long",
  601: "a node was restarted",
  602: "the clocks of two hosts differ by more than allowed",
};

/** Members of every interface with their types, as `name:type` separated by spaces. */
export const SHAPES: Readonly<Record<string, string>> = {
  'AimTarget': 'header:Header track_id:string azimuth:Float elevation:Float azimuth_rate:Float elevation_rate:Float lead_s:Float aim_error:Float',
  'AudioChunk': 'header:Header format:string sample_rate:number channels:number data:number[]',
  'AudioState': 'status:number code:number message:string source:string level:Float',
  'AxisState': 'name:string state:number position_source:number position:Float velocity:Float lower:Float upper:Float max_velocity:Float max_acceleration:Float enabled:boolean moving:boolean homed:boolean home:Float calibrated:boolean lower_switch:number upper_switch:number',
  'BagInfo': 'name:string start:Time duration_s:Float size:number messages:number complete:boolean',
  'BagState': 'header:Header started:Time recording:boolean name:string selection:string duration_s:Float size:number messages:number dropped:number held_s:Float held_size:number saved:string free_space:number code:number message:string replay:string replay_port:number replay_message:string',
  'BoundingBox': 'center_x:Float center_y:Float width:Float height:Float',
  'CameraState': 'header:Header started:Time source:string source_detail:string hardware:boolean on_base:boolean status:number code:number message:string width:number height:number encoding:string rate_hz:Float frames:number dropped:number stamp_source:number auto_exposure:boolean exposure_us:Float analog_gain:Float digital_gain:Float auto_white_balance:boolean color_gains:Float[] lux:Float brightness:Float contrast:Float saturation:Float recording:RecordingState audio:AudioState',
  'ControllerState': 'header:Header started:Time mode:number tracking:number target_id:string selected_id:string priority:number recenter_on_loss:boolean predictive:boolean aim_error:Float on_target:boolean rate_hz:Float pan_pid:PidState tilt_pid:PidState crosshair:CrosshairState pattern:PatternState presets:Preset[] code:number message:string',
  'CrosshairState': 'x:Float y:Float range:Float range_estimated:boolean calibrated:boolean boresight_azimuth:Float boresight_elevation:Float offset_y:Float offset_z:Float residual:Float',
  'Detection': 'class_id:string confidence:Float box:BoundingBox',
  'DetectionArray': 'header:Header method:string width:number height:number processing_s:Float detections:Detection[]',
  'DetectionState': 'enabled:boolean method:string mode:string has_mask:boolean available:string[] rate_hz:Float processing_s:Float count:number dropped:number',
  'Fault': 'node:string code:number message:string severity:number age_s:Float active:boolean',
  'FireGrant': 'epoch:number seq:number monotonic_ns:number source:number trigger:boolean burst:number mac:string',
  'FireRequest': 'header:Header seq:number track_id:string aim_error:Float mac:string',
  'GimbalCommand': 'header:Header epoch:number seq:number monotonic_ns:number mode:number pan:Float tilt:Float pan_rate:Float tilt_rate:Float mac:string',
  'GimbalState': 'header:Header started:Time driver:string hardware:boolean pan:AxisState tilt:AxisState home_count:number motion:number command_age_s:Float idle_release_s:Float code:number message:string',
  'LaserState': 'header:Header started:Time driver:string hardware:boolean dry_run:boolean watchdog_fitted:boolean no_watchdog_accepted:boolean profile:string session_remaining_s:Float state:number emitting:boolean indicator:boolean power:Float power_cap:Float arming_remaining_s:Float arm_remaining_s:Float cooldown_remaining_s:Float duty:Float duty_cap:Float pulse_s:Float burst_count:number burst_gap_s:Float cooldown_s:Float fire_count:number dry_fire_count:number ready:boolean code:number message:string',
  'MediaItem': 'name:string kind:number size:number modified:Time duration_s:Float',
  'MotionState': 'active:boolean motion_detected:boolean sensitivity:Float min_area:number',
  'PatternState': 'running:boolean paused:boolean name:string step:number step_count:number loop:boolean remaining_s:Float',
  'PeopleArray': 'header:Header processing_s:Float cpu:Float unchanged_s:Float code:number message:string people:Person[]',
  'Person': 'class_id:string box:BoundingBox azimuth:Float elevation:Float radius:Float',
  'PidState': 'kp:Float ki:Float kd:Float error:Float p_term:Float i_term:Float d_term:Float feedforward:Float output:Float',
  'Preset': 'name:string pan:Float tilt:Float',
  'ReasonCode': 'value:number',
  'RecordingState': 'active:boolean filename:string duration_s:Float size:number audio:boolean dropped:number',
  'RegisterValue': 'axis:string name:string address:number value:number valid:boolean',
  'ReplayEvent': 'position_s:Float level:number text:string',
  'ReplayState': 'header:Header started:Time name:string into:string[] position_s:Float duration_s:Float rate:Float min_gap_s:Float silence_s:Float paused:boolean loop:boolean ended:boolean passes:number messages:number late_s:Float domain:number code:number message:string',
  'SafetyPermit': 'epoch:number seq:number monotonic_ns:number laser_ok:boolean motion_ok:boolean lease_digest:string reasons:number[] stop_count:number estop_count:number mac:string',
  'SafetyState': 'header:Header started:Time laser_ok:boolean motion_ok:boolean reasons:number[] software_stop:boolean estop:number operator_name:string heartbeat_age_s:Float trigger:boolean auto_fire:boolean auto_fire_remaining_s:Float zones:Zone[] zones_version:string region_confirmed:boolean confirm_remaining_s:Float exclusion:number message:string monotonic_ns:number mac:string',
  'SimGroundTruth': 'header:Header monotonic_ns:number pan:Float tilt:Float pan_rate:Float tilt_rate:Float beam_azimuth:Float beam_elevation:Float spot_azimuth:Float spot_elevation:Float spot_range:Float laser_pin:boolean indicator_pin:boolean motors_enabled:boolean targets:SimTarget[]',
  'SimTarget': 'name:string kind:string azimuth:Float elevation:Float range:Float azimuth_rate:Float elevation_rate:Float visible:boolean',
  'Track': 'id:string state:number class_id:string confidence:Float azimuth:Float elevation:Float azimuth_rate:Float elevation_rate:Float covariance:Float[] angular_width:Float angular_height:Float hits:number misses:number unseen_s:Float box:BoundingBox',
  'TrackArray': 'header:Header tracks:Track[]',
  'TurretStatus': 'header:Header seq:number period_s:Float backend:number camera_age_s:Float camera:CameraState vision_age_s:Float vision:VisionState tracks_age_s:Float tracks:Track[] controller_age_s:Float controller:ControllerState gimbal_age_s:Float gimbal:GimbalState laser_age_s:Float laser:LaserState safety_age_s:Float safety:SafetyState bag_age_s:Float bag:BagState faults:Fault[]',
  'VisionState': 'header:Header started:Time detection:DetectionState motion:MotionState track_count:number clock_offset_s:Float round_trip_s:Float code:number message:string',
  'Zone': 'name:string kind:number pan_min:Float pan_max:Float tilt_min:Float tilt_max:Float',
  'AccessRegisters_Response': 'success:boolean code:number message:string registers:RegisterValue[]',
  'AcquireLease_Response': 'success:boolean code:number message:string lease_id:string nonce:string',
  'Arm_Response': 'success:boolean code:number message:string',
  'CaptureStill_Response': 'success:boolean code:number message:string name:string',
  'ConfirmRegion_Response': 'success:boolean code:number message:string',
  'DeleteBag_Response': 'success:boolean code:number message:string',
  'DeleteMedia_Response': 'success:boolean code:number message:string',
  'DeletePreset_Response': 'success:boolean code:number message:string',
  'Disarm_Response': 'success:boolean code:number message:string',
  'Fire_Response': 'success:boolean code:number message:string',
  'GetFaults_Response': 'success:boolean code:number message:string faults:Fault[]',
  'GetTime_Response': 'success:boolean code:number message:string stamp:Time',
  'Heartbeat_Response': 'success:boolean code:number message:string nonce:string',
  'Jog_Response': 'success:boolean code:number message:string',
  'ListBags_Response': 'success:boolean code:number message:string bags:BagInfo[]',
  'ListMedia_Response': 'success:boolean code:number message:string items:MediaItem[]',
  'ListReplayEvents_Response': 'success:boolean code:number message:string events:ReplayEvent[]',
  'LookAtPixel_Response': 'success:boolean code:number message:string',
  'MarkBag_Response': 'success:boolean code:number message:string',
  'MoveTo_Response': 'success:boolean code:number message:string',
  'Nudge_Response': 'success:boolean code:number message:string',
  'RecallPreset_Response': 'success:boolean code:number message:string',
  'ReleaseLease_Response': 'success:boolean code:number message:string',
  'RenameBag_Response': 'success:boolean code:number message:string',
  'RenameMedia_Response': 'success:boolean code:number message:string',
  'ResetCount_Response': 'success:boolean code:number message:string',
  'ResetStop_Response': 'success:boolean code:number message:string',
  'SaveLast_Response': 'success:boolean code:number message:string name:string',
  'SaveParameters_Response': 'success:boolean code:number message:string path:string',
  'SavePreset_Response': 'success:boolean code:number message:string',
  'SeekReplay_Response': 'success:boolean code:number message:string',
  'SeekReplayEvent_Response': 'success:boolean code:number message:string event:ReplayEvent',
  'SelectTarget_Response': 'success:boolean code:number message:string',
  'SetAutoFire_Response': 'success:boolean code:number message:string',
  'SetBoresight_Response': 'success:boolean code:number message:string residual:Float',
  'SetEnabled_Response': 'success:boolean code:number message:string',
  'SetHome_Response': 'success:boolean code:number message:string',
  'SetMode_Response': 'success:boolean code:number message:string',
  'SetPower_Response': 'success:boolean code:number message:string',
  'SetReplayGapSkipping_Response': 'success:boolean code:number message:string',
  'SetReplayPaused_Response': 'success:boolean code:number message:string',
  'SetReplayRate_Response': 'success:boolean code:number message:string',
  'SetZones_Response': 'success:boolean code:number message:string',
  'StartBag_Response': 'success:boolean code:number message:string name:string',
  'StartRecording_Response': 'success:boolean code:number message:string name:string',
  'StartReplay_Response': 'success:boolean code:number message:string',
  'StepReplay_Response': 'success:boolean code:number message:string',
  'Stop_Response': 'success:boolean code:number message:string',
  'StopBag_Response': 'success:boolean code:number message:string name:string',
  'StopRecording_Response': 'success:boolean code:number message:string name:string duration_s:Float',
  'StopReplay_Response': 'success:boolean code:number message:string',
  'TeachColor_Response': 'success:boolean code:number message:string hsv_center:Float[] hsv_range:Float[]',
  'AutoTune_Result': 'success:boolean code:number message:string kp:Float ki:Float kd:Float ultimate_gain:Float ultimate_period_s:Float',
  'AutoTune_Feedback': 'phase:string progress:Float',
  'Calibrate_Result': 'success:boolean code:number message:string pan_lower:Float pan_upper:Float tilt_lower:Float tilt_upper:Float',
  'Calibrate_Feedback': 'axis:string phase:string progress:Float',
  'CalibrateBoresight_Result': 'success:boolean code:number message:string residual:Float',
  'CalibrateBoresight_Feedback': 'measured:number prompt:string',
  'CalibrateCamera_Result': 'success:boolean code:number message:string rms:Float horizontal_fov:Float file:string',
  'CalibrateCamera_Feedback': 'views:number progress:Float prompt:string',
  'CheckBearings_Result': 'success:boolean code:number message:string rms:Float worst:Float scale:Float roll:Float images:number',
  'CheckBearings_Feedback': 'phase:string progress:Float',
  'Home_Result': 'success:boolean code:number message:string',
  'Home_Feedback': 'axis:string phase:string progress:Float',
  'MeasureDelay_Result': 'success:boolean code:number message:string camera_s:Float processing_s:Float actuator_s:Float',
  'MeasureDelay_Feedback': 'phase:string progress:Float',
  'RunPattern_Result': 'success:boolean code:number message:string passes:number',
  'RunPattern_Feedback': 'pattern:PatternState',
};

