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
  /** [s] how far beyond the measurement's stamp it was predicted */
  lead_s: Float;
  /** [rad] between the aim point and where the laser points; NaN = none */
  aim_error: Float;
}

export interface AudioChunk {
  /** stamp: when its first sound was captured */
  header: Header;
  /** "mp3": whole MPEG audio frames */
  format: string;
  /** [Hz] */
  sample_rate: number;
  /** of sound, interleaved before encoding */
  channels: number;
  /** the encoded sound */
  data: number[];
}

export interface AudioState {
  /** one of STATUS_* */
  status: number;
  /** ReasonCode while FAILED; OK = none */
  code: number;
  /** for a person; empty = nothing to say */
  message: string;
  /** e.g. "alsa default"; empty = none is configured */
  source: string;
  /** [dBFS] loudest sample of the newest tenth of a second; NaN = not capturing */
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
  /** [rad/s] limit in force */
  max_velocity: Float;
  /** [rad/s^2] limit in force */
  max_acceleration: Float;
  /** motor is powered */
  enabled: boolean;
  moving: boolean;
  /** has a reference in this power-up */
  homed: boolean;
  /** [rad] where home is in the driver's own positions; NaN = not homed */
  home: Float;
  /** its range was measured in this power-up */
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
  /** in all files of the bag */
  messages: number;
  /** false: not closed properly, needs recovery */
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
  /** [s] length so far */
  duration_s: Float;
  /** [byte] written so far */
  size: number;
  /** written so far */
  messages: number;
  /** lost because the writer was behind */
  dropped: number;
  /** [s] in the ring buffer now, what save_last can save */
  held_s: Float;
  /** [byte] in the ring buffer now */
  held_size: number;
  /** bag last saved from the ring buffer; empty = none */
  saved: string;
  /** [byte] left on the disk */
  free_space: number;
  /** ReasonCode; OK = none */
  code: number;
  /** for a person; empty = nothing to say */
  message: string;
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
  /** device, file or address; empty = none */
  source_detail: string;
  /** true: light from the real world, live */
  hardware: boolean;
  /** true: fixed to the base, only the laser moves; false: on the head */
  on_base: boolean;
  /** one of STATUS_* */
  status: number;
  /** ReasonCode while not streaming; OK = none */
  code: number;
  /** for a person; empty = nothing to say */
  message: string;
  /** [px] */
  width: number;
  /** [px] */
  height: number;
  /** of image_raw, e.g. "bgr8"; empty = unknown */
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
  /** one of TRACKING_*: what tracking does now */
  tracking: number;
  /** track aimed at; empty = none */
  target_id: string;
  /** track the operator chose; empty = by priority */
  selected_id: string;
  /** one of PRIORITY_* */
  priority: number;
  /** go home when the target is lost */
  recenter_on_loss: boolean;
  /** prediction and feed-forward are on */
  predictive: boolean;
  /** [rad] angle between aim point and measured pose; NaN = no target */
  aim_error: Float;
  /** aim error below the threshold for the settling time */
  on_target: boolean;
  /** [Hz] measured rate of the loop */
  rate_hz: Float;
  pan_pid: PidState;
  tilt_pid: PidState;
  crosshair: CrosshairState;
  pattern: PatternState;
  presets: Preset[];
  /** ReasonCode why it does not do what its mode says; OK = it does */
  code: number;
  /** for a person; empty = nothing to say */
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
  /** [m] distance it is computed for */
  range: Float;
  /** from the apparent size of the target; false: as configured */
  range_estimated: boolean;
  /** a boresight was measured or set */
  calibrated: boolean;
  /** [rad] laser direction relative to the camera's, positive left */
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
  /** what it is, in the detector's words ("motion", "face", "balloon", ...); empty = unknown */
  class_id: string;
  /** 0..1; NaN = the method gives none */
  confidence: Float;
  /** where, in pixels */
  box: BoundingBox;
}

export interface DetectionArray {
  /** stamp and frame of the image (exposure midpoint, camera_optical_frame) */
  header: Header;
  /** detector that made it ("motion", "haar", "balloon", ...) */
  method: string;
  /** [px] width of the image the boxes refer to */
  width: number;
  /** [px] height of the image the boxes refer to */
  height: number;
  /** [s] time the detector took */
  processing_s: Float;
  detections: Detection[];
}

export interface DetectionState {
  enabled: boolean;
  /** "motion", "haar", "balloon", ... */
  method: string;
  /** variant of the method, e.g. the cascade's name; empty = none */
  mode: string;
  /** methods that can be chosen here */
  available: string[];
  /** [Hz] images processed per second; NaN = none yet */
  rate_hz: Float;
  /** [s] mean time per image; NaN = none yet */
  processing_s: Float;
  /** detections in the newest image */
  count: number;
  /** images skipped because a newer one had arrived, since start */
  dropped: number;
}

export interface Fault {
  /** name of the node that it concerns, without namespace; never empty */
  node: string;
  /** ReasonCode; never OK */
  code: number;
  /** one sentence for a person */
  message: string;
  /** one of SEVERITY_* */
  severity: number;
  /** [s] since it began */
  age_s: Float;
  /** false: over, kept for the record */
  active: boolean;
}
export const Fault = {
  SEVERITY_UNKNOWN: 0,
  SEVERITY_WARNING: 1,
  SEVERITY_ERROR: 2,
} as const;

export interface FireGrant {
  /** [ns] epoch of the permit that it belongs to */
  epoch: number;
  /** grows with each grant within an epoch; a repeat is ignored */
  seq: number;
  /** [ns] CLOCK_MONOTONIC of this host when it was issued */
  monotonic_ns: number;
  /** one of SOURCE_* */
  source: number;
  /** true: fire; false: the trigger was released */
  trigger: boolean;
}
export const FireGrant = {
  SOURCE_UNKNOWN: 0,
  SOURCE_OPERATOR: 1,
  SOURCE_AUTO: 2,
} as const;

export interface FireRequest {
  /** stamp of the image that the decision rests on */
  header: Header;
  /** grows by one per decision */
  seq: number;
  /** target of the decision */
  track_id: string;
  /** [rad] predicted aim error at fire time */
  aim_error: Float;
}

export interface GimbalCommand {
  /** stamp: when it was computed; frame_id base_link */
  header: Header;
  /** grows by one per message */
  seq: number;
  /** one of MODE_* */
  mode: number;
  /** [rad] target, positive left; used in MODE_POSITION, NaN otherwise */
  pan: Float;
  /** [rad] target, positive up; used in MODE_POSITION, NaN otherwise */
  tilt: Float;
  /** [rad/s] MODE_VELOCITY: the rate; MODE_POSITION: largest rate, NaN = the axis's limit */
  pan_rate: Float;
  /** [rad/s] as pan_rate */
  tilt_rate: Float;
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
  /** one of MOTION_*: what drives the axes now */
  motion: number;
  /** [s] age of the newest command; NaN = none yet */
  command_age_s: Float;
  /** [s] until the motors are released; NaN = never */
  idle_release_s: Float;
  /** ReasonCode why it does not move as asked; OK = none */
  code: number;
  /** for a person; empty = nothing to say */
  message: string;
}
export const GimbalState = {
  MOTION_NONE: 0,
  MOTION_COMMAND: 1,
  MOTION_HOMING: 2,
  MOTION_CALIBRATING: 3,
} as const;

export interface Jog {
  /** the operator's lease */
  lease_id: string;
  /** grows by one per message */
  seq: number;
  /** [rad/s] positive left */
  pan_rate: Float;
  /** [rad/s] positive up */
  tilt_rate: Float;
}

export interface LaserState {
  /** stamp: when it was published */
  header: Header;
  /** when the node started */
  started: Time;
  /** "sim", "gpio_pwm", "gpio_digital", "servo_relay" */
  driver: string;
  /** true: a real laser */
  hardware: boolean;
  /** true: every step but the light */
  dry_run: boolean;
  /** an external hardware watchdog is declared */
  watchdog_fitted: boolean;
  /** the owner accepted to run without one */
  no_watchdog_accepted: boolean;
  /** "standard" or "class2_play" */
  profile: string;
  /** [s] of light left in this hour; NaN = the profile has no such limit */
  session_remaining_s: Float;
  /** one of STATE_* */
  state: number;
  /** the fire line is high now */
  emitting: boolean;
  /** the indicator is lit */
  indicator: boolean;
  /** 0..1 of full power, as set */
  power: Float;
  /** 0..1 largest power allowed */
  power_cap: Float;
  /** [s] until armed; 0 when not arming */
  arming_remaining_s: Float;
  /** [s] until the arm expires; 0 when not armed */
  arm_remaining_s: Float;
  /** [s]; 0 when none */
  cooldown_remaining_s: Float;
  /** 0..1 used in the duty window */
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
  /** a fire request would be accepted now */
  ready: boolean;
  /** ReasonCode why not ready, or why it went dark; OK = ready */
  code: number;
  /** for a person; empty = nothing to say */
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
  /** when it was last written */
  modified: Time;
  /** [s] of a video; NaN = unknown or a still */
  duration_s: Float;
}
export const MediaItem = {
  KIND_UNKNOWN: 0,
  KIND_STILL: 1,
  KIND_VIDEO: 2,
} as const;

export interface MotionState {
  /** motion is the chosen method */
  active: boolean;
  /** something moved in the newest image */
  motion_detected: boolean;
  /** variance threshold of the background model; lower = more sensitive */
  sensitivity: Float;
  /** [px^2] smallest region that counts */
  min_area: number;
}

export interface PatternState {
  running: boolean;
  /** a target was seen, or the operator asked */
  paused: boolean;
  /** empty = none */
  name: string;
  /** index of the step under way, from 0 */
  step: number;
  /** steps in one pass; 0 = not known (endless) */
  step_count: number;
  loop: boolean;
  /** [s] of the step's dwell; NaN = moving */
  remaining_s: Float;
}

export interface PeopleArray {
  /** stamp of the image; frame_id base_link */
  header: Header;
  /** [s] time that the detectors took */
  processing_s: Float;
  /** [cores] used by the whole process of late; NaN = not known yet */
  cpu: Float;
  /** [s] for which the images have been identical to the bit; 0 = this one differs from the last */
  unchanged_s: Float;
  /** ReasonCode of what keeps it from seeing; OK = none */
  code: number;
  /** for a person; empty = nothing to say */
  message: string;
  people: Person[];
}

export interface Person {
  /** "person", "face", ... */
  class_id: string;
  /** in the image, for drawing */
  box: BoundingBox;
  /** [rad] of the middle; NaN = unknown, which counts as near the beam */
  azimuth: Float;
  /** [rad]; NaN = unknown */
  elevation: Float;
  /** [rad] of the circle around the middle that holds the whole box; NaN = unknown */
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
} as const;

export interface RecordingState {
  active: boolean;
  /** name in the media library; empty = none yet */
  filename: string;
  /** [s] length so far; 0 when not recording */
  duration_s: Float;
  /** [byte] written so far */
  size: number;
  /** with sound */
  audio: boolean;
  /** frames that the encoder was too slow for */
  dropped: number;
}

export interface RegisterValue {
  /** "pan" or "tilt" */
  axis: string;
  /** datasheet's name, e.g. "IHOLD_IRUN" */
  name: string;
  /** register address of the chip */
  address: number;
  /** as read or to be written */
  value: number;
  /** false: the read failed */
  valid: boolean;
}

export interface ReplayState {
  /** stamp: when it was published, by the wall clock */
  header: Header;
  /** when the node started */
  started: Time;
  /** folder of the bag */
  name: string;
  /** nodes that are run again on what was recorded; empty = none */
  into: string[];
  /** [s] since the beginning of the bag */
  position_s: Float;
  /** [s] length of the bag */
  duration_s: Float;
  /** [s/s] recorded seconds per second */
  rate: Float;
  paused: boolean;
  /** begin again at the end */
  loop: boolean;
  /** the end was reached */
  ended: boolean;
  /** times that the end was reached */
  passes: number;
  /** published so far */
  messages: number;
  /** [s] 95th percentile of how late recent messages were published; NaN = none yet */
  late_s: Float;
  /** ROS domain that everything is published in */
  domain: number;
  /** ReasonCode; OK = none */
  code: number;
  /** for a person; empty = nothing to say */
  message: string;
}

export interface SafetyPermit {
  /** [ns] CLOCK_MONOTONIC when this safety process started: tells a restarted one */
  epoch: number;
  /** grows by one per message within an epoch */
  seq: number;
  /** [ns] CLOCK_MONOTONIC of this host when it was issued */
  monotonic_ns: number;
  /** emission is permitted */
  laser_ok: boolean;
  /** motion is permitted */
  motion_ok: boolean;
  /** SHA-256 (hex) of the current lease id, to check callers by; empty = no operator */
  lease_digest: string;
  /** ReasonCode of everything withheld; empty = both are permitted */
  reasons: number[];
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
  /** ReasonCode of everything withheld; empty = none */
  reasons: number[];
  /** latched until reset */
  software_stop: boolean;
  /** one of ESTOP_* */
  estop: number;
  /** who holds the lease; empty = nobody */
  operator_name: string;
  /** [s] age of the operator's newest heartbeat; NaN = no operator or none yet */
  heartbeat_age_s: Float;
  /** the operator holds the trigger */
  trigger: boolean;
  /** automatic fire is on */
  auto_fire: boolean;
  zones: Zone[];
  /** the operator confirmed the allowed region since the geometry last changed */
  region_confirmed: boolean;
  /** [s] until the region must be confirmed again; NaN = it need not */
  confirm_remaining_s: Float;
  /** one of EXCLUSION_* */
  exclusion: number;
  /** for a person; empty = nothing to say */
  message: string;
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
  /** stamp: the instant that all of it is true for; frame_id base_link */
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
  /** [rad] where the beam lands, or would land, seen from the middle of the head */
  spot_azimuth: Float;
  /** [rad] */
  spot_elevation: Float;
  /** [m] from the middle of the head */
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
  /** unique while the vision node lives; never reused */
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
  /** detections joined to it so far */
  hits: number;
  /** images in a row without a detection */
  misses: number;
  /** [s] between the last detection's stamp and header.stamp; 0 = seen in this image */
  unseen_s: Float;
  /** newest box in pixels; NaN center while not in the image */
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
  /** grows by one per message */
  seq: number;
  /** [s] until the next one is due */
  period_s: Float;
  /** one of BACKEND_*: what the panel shows as its badge */
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
  /** active ones, worst first */
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
  /** tracks that are TRACKING or COASTING */
  track_count: number;
  /** ReasonCode of the newest problem; OK = none */
  code: number;
  /** for a person; empty = nothing to say */
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
  /** for a person; empty = nothing to say */
  message: string;
  /** after the write */
  registers: RegisterValue[];
}

export interface AcquireLease_Request {
  /** operator secret (the front door hands it to signed-in operators) */
  secret: string;
  /** who, shown to everybody; 1 to 40 characters */
  name: string;
  /** true: also when somebody else is the operator */
  take_over: boolean;
}

export interface AcquireLease_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** for a person; empty = nothing to say */
  message: string;
  /** random; goes into every command of the operator; empty on refusal */
  lease_id: string;
  /** to be echoed by the first heartbeat; empty on refusal */
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
  /** for a person; empty = nothing to say */
  message: string;
}

export interface CaptureStill_Request {
  /** part of the name; may be empty */
  label: string;
}

export interface CaptureStill_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** for a person; empty = nothing to say */
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
  /** for a person; empty = nothing to say */
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
  /** for a person; empty = nothing to say */
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
  /** for a person; empty = nothing to say */
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
  /** for a person; empty = nothing to say */
  message: string;
}

export interface Disarm_Request {
}

export interface Disarm_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** for a person; empty = nothing to say */
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
  /** for a person; empty = nothing to say */
  message: string;
}

export interface GetFaults_Request {
  /** true: only those present now */
  active_only: boolean;
}

export interface GetFaults_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** for a person; empty = nothing to say */
  message: string;
  /** newest first */
  faults: Fault[];
}

export interface Heartbeat_Request {
  /** the operator's lease */
  lease_id: string;
  /** newest one received */
  nonce: string;
  /** the trigger is held now */
  trigger: boolean;
}

export interface Heartbeat_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** for a person; empty = nothing to say */
  message: string;
  /** for the next heartbeat; empty on refusal */
  nonce: string;
}

export interface ListBags_Request {
}

export interface ListBags_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** for a person; empty = nothing to say */
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
  /** for a person; empty = nothing to say */
  message: string;
  /** newest first */
  items: MediaItem[];
}

export interface LookAtPixel_Request {
  /** the operator's lease */
  lease_id: string;
  /** [px] full image, origin top-left */
  x: Float;
  /** [px] */
  y: Float;
  /** of the image clicked on; 0 = the newest */
  stamp: Time;
}

export interface LookAtPixel_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** for a person; empty = nothing to say */
  message: string;
}

export interface MoveTo_Request {
  /** the operator's lease */
  lease_id: string;
  /** [rad] positive left */
  pan: Float;
  /** [rad] positive up */
  tilt: Float;
  /** [rad/s] largest rate; 0 = the axes' limit */
  rate: Float;
}

export interface MoveTo_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** for a person; empty = nothing to say */
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
  /** for a person; empty = nothing to say */
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
  /** for a person; empty = nothing to say */
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
  /** for a person; empty = nothing to say */
  message: string;
}

export interface RenameMedia_Request {
  /** as in ListMedia */
  name: string;
  /** the extension may be left out */
  new_name: string;
}

export interface RenameMedia_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** for a person; empty = nothing to say */
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
  /** for a person; empty = nothing to say */
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
  /** for a person; empty = nothing to say */
  message: string;
}

export interface SaveLast_Request {
  /** part of the name; may be empty */
  label: string;
  /** [s] how far back; 0 = all that is held */
  duration_s: Float;
}

export interface SaveLast_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** for a person; empty = nothing to say */
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
  /** for a person; empty = nothing to say */
  message: string;
  /** file written; empty on refusal */
  path: string;
}

export interface SavePreset_Request {
  /** the operator's lease */
  lease_id: string;
  /** 1 to 40 characters */
  name: string;
  /** true: where the head is now; false: pan and tilt below */
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
  /** for a person; empty = nothing to say */
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
  /** for a person; empty = nothing to say */
  message: string;
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
  /** for a person; empty = nothing to say */
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
  /** for a person; empty = nothing to say */
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
  /** x, y [px] of the dot, z [m] its distance; empty = use the angles */
  points: Point[];
  /** true: back to zero; everything else is ignored */
  reset: boolean;
}

export interface SetBoresight_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** for a person; empty = nothing to say */
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
  /** for a person; empty = nothing to say */
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
  /** for a person; empty = nothing to say */
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
  /** for a person; empty = nothing to say */
  message: string;
}

export interface SetPower_Request {
  /** the operator's lease */
  lease_id: string;
  /** 0..1 of full power; 0 = dark */
  power: Float;
}

export interface SetPower_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** for a person; empty = nothing to say */
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
  /** for a person; empty = nothing to say */
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
  /** for a person; empty = nothing to say */
  message: string;
}

export interface SetZones_Request {
  /** the operator's lease */
  lease_id: string;
  zones: Zone[];
}

export interface SetZones_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** for a person; empty = nothing to say */
  message: string;
}

export interface StartBag_Request {
  /** part of the name; may be empty */
  label: string;
  /** "light", "full", "all"; empty = "light" */
  selection: string;
  /** [s] stop by itself; 0 = no limit */
  max_s: Float;
}

export interface StartBag_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** for a person; empty = nothing to say */
  message: string;
  /** folder of the bag; empty on refusal */
  name: string;
}

export interface StartRecording_Request {
  /** part of the name; may be empty */
  label: string;
  /** true: with overlay */
  annotated: boolean;
  /** [s] stop by itself; 0 = the parameter */
  max_s: Float;
}

export interface StartRecording_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** for a person; empty = nothing to say */
  message: string;
  /** in the media library; empty on refusal */
  name: string;
}

export interface StepReplay_Request {
  /** so many of them; 0 = all up to and with the next picture */
  messages: number;
}

export interface StepReplay_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** for a person; empty = nothing to say */
  message: string;
}

export interface Stop_Request {
  /** for the log; may be empty */
  reason: string;
}

export interface Stop_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** for a person; empty = nothing to say */
  message: string;
}

export interface StopBag_Request {
}

export interface StopBag_Response {
  /** false: nothing was changed */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** for a person; empty = nothing to say */
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
  /** for a person; empty = nothing to say */
  message: string;
  /** in the media library; empty on refusal */
  name: string;
  /** [s] */
  duration_s: Float;
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
  /** for a person; empty = nothing to say */
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
  /** [rad] largest excursion; 0 = 0.1 */
  travel: Float;
  /** true: use the gains at once */
  apply: boolean;
}

export interface AutoTune_Result {
  /** false: see code */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** for a person; empty = nothing to say */
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
  /** what it does now, for a person */
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
  /** for a person; empty = nothing to say */
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
  /** "pan" or "tilt", the one under way */
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
  /** [s] time given to bring the surface to each further distance, 0..60; 0 = 10 */
  move_s: Float;
}

export interface CalibrateBoresight_Result {
  /** false: see code */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** for a person; empty = nothing to say */
  message: string;
  /** [rad] RMS; NaN on failure */
  residual: Float;
}

export interface CalibrateBoresight_Feedback {
  /** ranges done */
  measured: number;
  /** what the operator must do now; empty = nothing */
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
  /** for a person; empty = nothing to say */
  message: string;
  /** [px] RMS of the corners against the model; NaN on failure */
  rms: Float;
  /** [rad] of the lens found; NaN on failure */
  horizontal_fov: Float;
  /** the calibration that was written; empty on failure */
  file: string;
}

export interface CalibrateCamera_Feedback {
  /** collected so far */
  views: number;
  /** 0..1 */
  progress: Float;
  /** what to do now, for a person */
  prompt: string;
}

export interface CheckBearings_Goal {
  /** the operator's lease */
  lease_id: string;
  /** [rad] largest excursion from the target; 0 = 0.3 */
  travel: Float;
}

export interface CheckBearings_Result {
  /** false: see code */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** for a person; empty = nothing to say */
  message: string;
  /** [rad] spread of the target's bearing over the image; NaN on failure */
  rms: Float;
  /** [rad] largest deviation from its mean; NaN on failure */
  worst: Float;
  /** linear: focal length over the one in camera_info that fits best; NaN on failure */
  scale: Float;
  /** [rad] of the camera about its view that fits best, positive: its right side hangs down; NaN on failure */
  roll: Float;
  /** that were compared */
  images: number;
}

export interface CheckBearings_Feedback {
  /** what it does now, for a person */
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
  /** for a person; empty = nothing to say */
  message: string;
}

export interface Home_Feedback {
  /** "pan" or "tilt", the one under way */
  axis: string;
  /** "back_off", "seek", "approach", "center" */
  phase: string;
  /** 0..1, estimated */
  progress: Float;
}

export interface MeasureDelay_Goal {
  /** the operator's lease */
  lease_id: string;
  /** [rad] largest excursion; 0 = 0.1 */
  travel: Float;
}

export interface MeasureDelay_Result {
  /** false: see code */
  success: boolean;
  /** ReasonCode; OK on success */
  code: number;
  /** for a person; empty = nothing to say */
  message: string;
  /** [s] light to time stamp; NaN = not measured */
  camera_s: Float;
  /** [s] time stamp to tracks at the controller, median; allowed for image by image, so no parameter */
  processing_s: Float;
  /** [s] command to measured motion; NaN = not measured */
  actuator_s: Float;
}

export interface MeasureDelay_Feedback {
  /** what it does now, for a person */
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
  /** [rad] middle of a generated pattern */
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
  /** follow a target that appears, then resume */
  pause_on_target: boolean;
  /** KIND_RANDOM: same seed, same path */
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
  /** for a person; empty = nothing to say */
  message: string;
  /** finished */
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
  'turret_msgs/msg/Jog': Jog;
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
  'turret_msgs/srv/Heartbeat': { request: Heartbeat_Request; response: Heartbeat_Response };
  'turret_msgs/srv/ListBags': { request: ListBags_Request; response: ListBags_Response };
  'turret_msgs/srv/ListMedia': { request: ListMedia_Request; response: ListMedia_Response };
  'turret_msgs/srv/LookAtPixel': { request: LookAtPixel_Request; response: LookAtPixel_Response };
  'turret_msgs/srv/MoveTo': { request: MoveTo_Request; response: MoveTo_Response };
  'turret_msgs/srv/Nudge': { request: Nudge_Request; response: Nudge_Response };
  'turret_msgs/srv/RecallPreset': { request: RecallPreset_Request; response: RecallPreset_Response };
  'turret_msgs/srv/ReleaseLease': { request: ReleaseLease_Request; response: ReleaseLease_Response };
  'turret_msgs/srv/RenameMedia': { request: RenameMedia_Request; response: RenameMedia_Response };
  'turret_msgs/srv/ResetCount': { request: ResetCount_Request; response: ResetCount_Response };
  'turret_msgs/srv/ResetStop': { request: ResetStop_Request; response: ResetStop_Response };
  'turret_msgs/srv/SaveLast': { request: SaveLast_Request; response: SaveLast_Response };
  'turret_msgs/srv/SaveParameters': { request: SaveParameters_Request; response: SaveParameters_Response };
  'turret_msgs/srv/SavePreset': { request: SavePreset_Request; response: SavePreset_Response };
  'turret_msgs/srv/SeekReplay': { request: SeekReplay_Request; response: SeekReplay_Response };
  'turret_msgs/srv/SelectTarget': { request: SelectTarget_Request; response: SelectTarget_Response };
  'turret_msgs/srv/SetAutoFire': { request: SetAutoFire_Request; response: SetAutoFire_Response };
  'turret_msgs/srv/SetBoresight': { request: SetBoresight_Request; response: SetBoresight_Response };
  'turret_msgs/srv/SetEnabled': { request: SetEnabled_Request; response: SetEnabled_Response };
  'turret_msgs/srv/SetHome': { request: SetHome_Request; response: SetHome_Response };
  'turret_msgs/srv/SetMode': { request: SetMode_Request; response: SetMode_Response };
  'turret_msgs/srv/SetPower': { request: SetPower_Request; response: SetPower_Response };
  'turret_msgs/srv/SetReplayPaused': { request: SetReplayPaused_Request; response: SetReplayPaused_Response };
  'turret_msgs/srv/SetReplayRate': { request: SetReplayRate_Request; response: SetReplayRate_Response };
  'turret_msgs/srv/SetZones': { request: SetZones_Request; response: SetZones_Response };
  'turret_msgs/srv/StartBag': { request: StartBag_Request; response: StartBag_Response };
  'turret_msgs/srv/StartRecording': { request: StartRecording_Request; response: StartRecording_Response };
  'turret_msgs/srv/StepReplay': { request: StepReplay_Request; response: StepReplay_Response };
  'turret_msgs/srv/Stop': { request: Stop_Request; response: Stop_Response };
  'turret_msgs/srv/StopBag': { request: StopBag_Request; response: StopBag_Response };
  'turret_msgs/srv/StopRecording': { request: StopRecording_Request; response: StopRecording_Response };
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
  1: "a field has a value that makes no sense",
  2: "NaN or infinity where a number is needed",
  3: "finite, but outside the stated range",
  4: "no such mode, method, axis, preset, parameter, ...",
  5: "the part that must do it has not started or has no data yet",
  6: "something else is running that must end first",
  7: "no answer in time",
  8: "a file, device or socket failed",
  9: "this build, driver or backend cannot do it",
  10: "ended on request",
  11: "a defect of ours; the log has the details",
  12: "the value cannot be changed now",
  13: "the named thing does not exist",
  14: "the name is taken",
  15: "the newest input is too old to act on",
  16: "the wall clock was stepped",
  17: "not enough free space",
  18: "the present mode does not allow it",
  19: "the content of a file is not what it should be",
  100: "nobody holds the lease",
  101: "the lease id given is not the current one",
  102: "somebody else holds the lease and take_over was not asked",
  103: "the operator secret does not match",
  104: "the operator's heartbeat is older than allowed",
  105: "the heartbeat did not echo the newest nonce",
  106: "the emergency-stop input is open",
  107: "the emergency-stop input cannot be read: taken as pressed",
  108: "somebody called stop; it is latched",
  109: "gimbal or laser has not reported in time",
  110: "detections too old for automatic fire",
  111: "the gimbal has no reference",
  112: "more than one publisher on a topic that has one owner",
  113: "the measured pose is in, or could coast into, a no-fire zone",
  114: "person exclusion sees somebody near the beam, or did within the last second",
  115: "the person-exclusion detector does not report",
  116: "the camera delivers identical frames",
  117: "the operator has not confirmed the allowed region",
  118: "a hardware laser with a simulated or recorded input",
  119: "no permit has ever been received",
  120: "the newest permit is too old",
  121: "the permit comes from a new safety process and the laser is not dark",
  122: "the heartbeat came back after a gap: release and press again",
  123: "the permit withholds motion",
  124: "the permit withholds emission",
  125: "the lease changed hands",
  126: "the class 2 profile needs allowed zones, all of them on the floor",
  200: "arm first",
  201: "the emission delay is running",
  202: "the pause after a burst is running",
  203: "the duty-cycle cap is reached",
  204: "the longest pulse is reached",
  205: "more power than the cap",
  206: "armed, but unused for too long",
  207: "a hardware laser without a hardware watchdog, and that was not accepted",
  208: "the fire grant was not renewed",
  209: "the guardian process is gone",
  210: "power is zero: nothing would be emitted",
  211: "the class 2 profile's time is used up",
  212: "the class 2 profile's beam stood still",
  213: "disarmed on request",
  300: "no command within the time-out: axes stopped",
  301: "the target is outside the soft limits",
  302: "a limit switch is pressed in the direction of travel",
  303: "a limit switch cannot be read: taken as pressed",
  304: "the motors are off",
  305: "homing did not reach its reference",
  306: "calibration did not find both ends",
  307: "motors released after the idle time",
  308: "the motor driver reports a fault or is lost",
  400: "the source stopped delivering; recovery is running",
  401: "the source cannot be opened",
  402: "no frame within the expected time",
  403: "the detector could not start or stopped with an error",
  404: "nothing to track",
  405: "the selected track is gone",
  406: "needs a calibration that does not exist",
  407: "no gimbal pose for the image's stamp",
  408: "the recorder stopped with an error",
  500: "sign in first",
  501: "this role, name or operation is not on the list",
  502: "too many requests",
  503: "larger than the limit",
  600: "a node's state has not arrived for too long",
  601: "a node came back with a new start time",
};

