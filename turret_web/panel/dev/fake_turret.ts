// SPDX-License-Identifier: Apache-2.0
/**
 * A turret that only exists in this file: it answers like the real one, follows a scripted target, and fails on
 * request. Time is in seconds. It simulates nothing that could be measured; use the simulation of the turret for that.
 */

import type {
  AxisState, BagInfo, CameraState, ControllerState, Fault, GimbalState, LaserState, MediaItem, PidState, Preset, ReplayEvent, ReplayState, SafetyState, Track,
  Time, TurretStatus, VisionState, Zone,
} from '../src/generated/interfaces.ts';

type Json = Record<string, unknown>;
type Answer = { success: boolean; code: number; message: string } & Json;

/** Masks of 16 x 12 px with one rectangle. */
const MASK = 'iVBORw0KGgoAAAANSUhEUgAAABAAAAAMAQAAAABDnAAsAAAAIElEQVQIHQXBAQEAAACCIF3S/xk+CwTB5XK5XC6XIAgHdkcGLQO8ffIAAAAASUVORK5CYII=';
const SMALL_MASK = 'iVBORw0KGgoAAAANSUhEUgAAABAAAAAMAQAAAABDnAAsAAAAHUlEQVQIHQXBsQEAAAjDILL4/72dhIiIbt0iIiIeKhoCDfvH0MUAAAAASUVORK5CYII=';
const OK = { success: true, code: 0, message: '' };
export const WIDTH = 480;
export const HEIGHT = 360;
const FOCAL = 420;
const FOV_COLOR = { red: [205, 52, 60], blue: [58, 110, 205] } as const;
/** A replay answers so long after it was started [s]. */
const REPLAY_START_S = 1;
const [OFF, ARMING, ARMED, FIRING] = [0, 1, 2, 3];

interface Goal { id: string; action: string; since: number; canceled: boolean; done: (result: Json, success: boolean) => void; feedback: (values: Json) => void }

export interface FakeParameter { type: number; value: unknown; description: string; min?: number; max?: number; choices?: string; readOnly?: boolean }

const number = (value: number, description: string, min: number, max: number): FakeParameter => ({ type: 3, value, description, min, max });
const flag = (value: boolean, description: string): FakeParameter => ({ type: 1, value, description });

export class FakeTurret {
  /** Members of the status that replace the real ones, by path, e.g. "vision.detection". */
  readonly overrides = new Map<string, unknown>();
  isFrozen = false;
  latencyMs = 0;
  backend = 1;
  faults: Fault[] = [];
  zones: Zone[] = [
    { name: 'Window', kind: 0, pan_min: 0.5, pan_max: 0.9, tilt_min: -0.1, tilt_max: 0.35 },
    { name: 'Range', kind: 1, pan_min: -1.2, pan_max: 1.2, tilt_min: -0.4, tilt_max: 0.6 },
  ];
  presets: Preset[] = [{ name: 'Door', pan: 0.6, tilt: 0.1 }, { name: 'Shelf', pan: -0.7, tilt: 0.2 }];
  media: MediaItem[] = [
    { name: 'still_20261129_101500_door.jpg', kind: 1, size: 182_000, modified: { sec: 1_796_000_000, nanosec: 0 }, duration_s: null },
    { name: 'video_20261129_101700.mp4', kind: 2, size: 12_400_000, modified: { sec: 1_796_000_120, nanosec: 0 }, duration_s: 34 },
  ];
  bags: BagInfo[] = [
    { name: '20261129_101000_test', start: { sec: 1_796_000_000, nanosec: 0 }, duration_s: 62, size: 18_000_000, messages: 51_234, complete: true },
    { name: '20261129_094400_fault_safety', start: { sec: 1_795_998_000, nanosec: 0 }, duration_s: 30, size: 9_000_000, messages: 25_000, complete: true },
  ];
  readonly parameters: Record<string, Record<string, FakeParameter>> = {
    camera: {
      auto_exposure: flag(true, 'Exposure time and gain follow the light.'),
      exposure_us: { type: 2, value: 20_000, description: 'Exposure time while auto_exposure is off. [us]', min: 100, max: 200_000 },
      analog_gain: number(1, 'Gain while auto_exposure is off.', 1, 16), auto_white_balance: flag(true, 'Color gains follow the light.'),
      color_gains: { type: 8, value: [1.6, 1.9], description: 'Gains of red and blue over green.' },
      brightness: number(0, 'Brightness', -1, 1), contrast: number(1, 'Contrast; 0 is gray.', 0, 2), saturation: number(1, 'Saturation; 0 is black and white.', 0, 2),
      horizontal_fov: { ...number(1.047, 'Horizontal field of view [rad]', 0.1, 3), readOnly: true },
    },
    vision: {
      enabled: flag(true, 'Detection runs'),
      method: { type: 4, value: 'balloon', description: 'Detector to use.', choices: 'motion, balloon, haar, onnx, remote, tflite' },
      classes: { type: 9, value: [''], description: 'Exact names of the classes to keep; empty = all' },
      min_confidence: number(0, 'Minimum confidence', 0, 1), every: { type: 2, value: 1, description: 'Number of frames per detection', min: 1, max: 100 },
      'balloon.color': { type: 4, value: 'saturated', description: 'Color that is detected', choices: 'saturated, taught, dark' },
      'balloon.hue': number(0, 'Center of the taught hue', 0, 1), 'balloon.max_dark_value': number(0.24, 'Maximum brightness of the color "dark"', 0, 1),
      'balloon.min_area': { type: 2, value: 120, description: 'Minimum area of a blob, in pixels of the full image [px^2]', min: 1, max: 1_000_000 },
      'remote.url': { type: 4, value: 'http://127.0.0.1:9001', description: 'URL of the inference server' },
      'remote.model': { type: 4, value: '', description: 'Project and version, for example "balloons/3"' },
      'remote.confidence': number(0.5, 'Minimum confidence', 0, 1),
      'remote.hosts': { type: 9, value: ['127.0.0.1', 'localhost'], description: 'Hosts that images may be sent to', readOnly: true },
      'onnx.model': { type: 4, value: '', description: 'File of the model' },
      'balloon.min_saturation': number(0.5, 'Minimum saturation', 0, 1), 'balloon.min_value': number(0.2, 'Minimum brightness', 0, 1),
      'motion.sensitivity': number(25, 'Threshold', 4, 400),
    },
    controller: {
      ...Object.fromEntries(['pan', 'tilt'].flatMap((axis) => [
        [`aim.${axis}.kp`, number(20, 'Proportional gain [1/s]', 0, 100)], [`aim.${axis}.ki`, number(0, 'Integral gain [1/s^2]', 0, 100)],
        [`aim.${axis}.kd`, number(0, 'Derivative gain', 0, 1)],
      ])),
      'aim.predictive': flag(true, 'Predict the target'), 'aim.dead_zone': number(0, 'Aim error below which the head is left alone [rad]', 0, 0.1),
      'aim.delay.camera_s': number(0.02, 'Camera delay [s]', -0.2, 0.5), 'aim.delay.actuator_s': number(0.02, 'Actuator delay [s]', 0, 0.5),
      on_target_angle: number(0.0087, 'Aim error below which the head is on target [rad]', 0.0005, 0.2),
    },
    gimbal: { 'pan.lower': number(-1.65, 'Lower soft limit [rad]', -6.3, 0), 'pan.upper': number(1.65, 'Upper soft limit [rad]', 0, 6.3) },
    laser: { pulse_s: number(0.2, 'Pulse length [s]', 0.005, 1) },
    safety: { heartbeat_timeout_s: { ...number(0.25, 'Age at which the heartbeat is lost [s]', 0.1, 1), readOnly: true } },
    bag: { max_size: { type: 2, value: 4_000_000_000, description: 'Maximum size of all bags [byte]', min: 1, max: 2 ** 40 } },
  };
  private readonly started = Date.now() / 1000;
  private seq = 0;
  private pan = 0.1;
  private tilt = 0.05;
  private goalPose: { pan: number; tilt: number } | null = null;
  private jog = { pan: 0, tilt: 0, at: -1 };
  private mode = 1;
  private selected = '';
  private priority = 0;
  private operator = '';
  private lease = '';
  private nonce = 0;
  private heartbeatAt = -1;
  private trigger = false;
  private state = OFF;
  private stateSince = 0;
  private power = 0.5;
  private fired = 0;
  private isStopped = false;
  private autoFire = false;
  private regionConfirmed = false;
  private recording = { since: 0, name: '', on: false };
  private bag = { since: 0, name: '', on: false };
  /** The bag that is replayed, in a panel of its own. */
  private replayed = { since: 0, name: '' };
  /** A replay that runs; null = none. */
  replay: ReplayState | null = null;
  private reason = 0;
  /** Events that are not published yet. */
  readonly events: { stamp: Time; level: number; name: string; msg: string }[] = [];
  private last = 0;
  private readonly goals = new Map<string, Goal>();

  private get now(): number { return Date.now() / 1000; }

  /** Direction of the scripted targets [rad]. */
  private targets(): { id: string; azimuth: number; elevation: number; da: number; de: number; size: number; color: readonly number[] }[] {
    const s = this.now - this.started;
    return [
      { id: '3', azimuth: 0.35 * Math.sin(s * 0.5), elevation: 0.08 + 0.1 * Math.sin(s * 0.9), da: 0.175 * Math.cos(s * 0.5), de: 0.09 * Math.cos(s * 0.9), size: 0.07, color: FOV_COLOR.red },
      { id: '5', azimuth: -0.25 + 0.05 * Math.sin(s * 0.3), elevation: -0.12, da: 0.015 * Math.cos(s * 0.3), de: 0, size: 0.05, color: FOV_COLOR.blue },
    ];
  }

  /** Advance to now; call it often. */
  update(): void {
    const now = this.now;
    const dt = Math.min(0.2, this.last === 0 ? 0 : now - this.last);
    this.last = now;
    if (this.replay?.paused === false) this.replay.position_s = Math.min(62, (this.replay.position_s ?? 0) + dt * (this.replay.rate ?? 1));
    const target = this.targets().find(({ id }) => id === (this.selected || '3'));
    if (this.operator !== '' && this.heartbeatAt > 0 && now - this.heartbeatAt > 8) this.endLease();
    const isAlive = now - this.heartbeatAt < 4; // generous: the browser may share a busy machine
    if (!isAlive) this.trigger = false;
    if (!this.isStopped) {
      let [panRate, tiltRate] = [0, 0];
      if (now - this.jog.at < 0.2) [panRate, tiltRate] = [this.jog.pan, this.jog.tilt];
      else if (this.mode === 2 && target !== undefined) [panRate, tiltRate] = [(target.azimuth - this.pan) * 6 + target.da, (target.elevation - this.tilt) * 6 + target.de];
      else if (this.goalPose !== null) [panRate, tiltRate] = [(this.goalPose.pan - this.pan) * 5, (this.goalPose.tilt - this.tilt) * 5];
      this.pan = Math.max(-1.65, Math.min(1.65, this.pan + panRate * dt));
      this.tilt = Math.max(-0.7, Math.min(0.95, this.tilt + tiltRate * dt));
    }
    if (this.state !== OFF && (this.isStopped || !isAlive || this.operator === '')) {
      this.reason = this.isStopped ? 108 : 104;
      this.enter(OFF);
    }
    if (this.state === ARMING && now - this.stateSince > 2) this.enter(ARMED);
    if (this.state === ARMED && now - this.stateSince > 60) { this.reason = 206; this.enter(OFF); }
    if (this.state === ARMED && this.trigger && this.power > 0) { this.fired += 1; this.enter(FIRING); }
    if (this.state === FIRING && !this.trigger) this.enter(ARMED);
    for (const goal of this.goals.values()) {
      const progress = (now - goal.since) / (goal.action.includes('pattern') ? 1e9 : 2.5);
      if (goal.canceled) this.end(goal, { success: false, code: 10, message: 'canceled' });
      else if (progress >= 1) this.end(goal, this.resultOf(goal.action));
      else goal.feedback({ axis: 'pan', phase: 'seek', progress, prompt: '', measured: 0, views: 1, pattern: this.pattern() });
    }
  }

  private resultOf(action: string): Json {
    if (action.endsWith('gimbal/home')) this.goalPose = { pan: 0, tilt: 0 };
    return {
      ...OK, kp: 18.2, ki: 1.1, kd: 0.02, ultimate_gain: 30, ultimate_period_s: 0.2, pan_lower: -1.6, pan_upper: 1.6, tilt_lower: -0.7, tilt_upper: 0.9,
      residual: 0.002, camera_s: 0.021, processing_s: 0.034, actuator_s: 0.018, rms: 0.4, worst: 0.01, scale: 1.01, roll: 0.002, images: 40,
      horizontal_fov: 1.05, file: 'lens.yaml', passes: 2,
    };
  }

  private end(goal: Goal, result: Json): void {
    this.goals.delete(goal.id);
    goal.done(result, true);
  }

  private enter(state: number): void {
    this.state = state;
    this.stateSince = this.now;
  }

  private endLease(): void {
    this.operator = '';
    this.lease = '';
    this.trigger = false;
    this.mode = this.mode === 2 ? 1 : this.mode;
  }

  private pattern(): ControllerState['pattern'] {
    const running = [...this.goals.values()].some(({ action }) => action.includes('pattern'));
    return { running, paused: false, name: running ? 'circle' : '', step: 3, step_count: 12, loop: true, remaining_s: null };
  }

  private header(): { stamp: { sec: number; nanosec: number }; frame_id: string } {
    const now = Date.now();
    return { stamp: { sec: Math.floor(now / 1000), nanosec: (now % 1000) * 1e6 }, frame_id: 'base_link' };
  }

  private common(): { header: ReturnType<FakeTurret['header']>; started: { sec: number; nanosec: number } } {
    return { header: this.header(), started: { sec: Math.floor(this.started), nanosec: 0 } };
  }

  tracks(): Track[] {
    return this.targets().flatMap(({ id, azimuth, elevation, da, de, size }) => {
      const box = this.boxOf(azimuth, elevation, size);
      if (box === null) return [];
      return [{
        id, state: 2, class_id: 'balloon', confidence: 0.93, azimuth, elevation, azimuth_rate: da, elevation_rate: de, covariance: Array<number>(16).fill(0),
        angular_width: size, angular_height: size, hits: 50, misses: 0, unseen_s: 0, box,
      }];
    });
  }

  private boxOf(azimuth: number, elevation: number, size: number): Track['box'] | null {
    const x = WIDTH / 2 - FOCAL * Math.tan(azimuth - this.pan);
    const y = HEIGHT / 2 - FOCAL * Math.tan(elevation - this.tilt);
    const width = size * FOCAL;
    if (x < -width || x > WIDTH + width || y < -width || y > HEIGHT + width) return null;
    return { center_x: x, center_y: y, width, height: width * 1.15 };
  }

  private axis(name: 'pan' | 'tilt'): AxisState {
    const [lower, upper] = name === 'pan' ? [-1.65, 1.65] : [-0.7, 0.95];
    return {
      name, state: 2, position_source: 1, position: this[name], velocity: 0, lower, upper, max_velocity: 3.5, max_acceleration: 30, enabled: true,
      moving: this.goalPose !== null || this.mode === 2, homed: true, home: 0, calibrated: false, lower_switch: 2, upper_switch: 2,
    };
  }

  private pid(error: number | null): PidState {
    const [kp, ki, kd] = [this.parameters['controller']?.['aim.pan.kp']?.value as number, 0, 0];
    const out = error === null ? null : error * kp;
    return { kp, ki, kd, error, p_term: out, i_term: error === null ? null : 0, d_term: error === null ? null : 0, feedforward: error === null ? null : 0.05, output: out };
  }

  private controller(): ControllerState {
    const target = this.mode === 2 ? this.targets().find(({ id }) => id === (this.selected || '3')) : undefined;
    const [pe, te] = target === undefined ? [null, null] : [target.azimuth - this.pan, target.elevation - this.tilt];
    return {
      ...this.common(), mode: this.pattern().running ? 3 : this.mode, tracking: target === undefined ? 0 : 2, target_id: target?.id ?? '', selected_id: this.selected,
      priority: this.priority, recenter_on_loss: false, predictive: true, aim_error: pe === null || te === null ? null : Math.hypot(pe, te),
      on_target: pe !== null && Math.abs(pe) < 0.01, rate_hz: 50, pan_pid: this.pid(pe), tilt_pid: this.pid(te),
      crosshair: {
        x: WIDTH / 2 - 4, y: HEIGHT / 2 + 6, range: 3, range_estimated: false, calibrated: false, boresight_azimuth: 0.0087, boresight_elevation: 0,
        offset_y: 0.02, offset_z: -0.03, residual: null,
      },
      pattern: this.pattern(), presets: this.presets, code: this.operator === '' ? 100 : 0, message: '',
    };
  }

  private gimbal(): GimbalState {
    return {
      ...this.common(), driver: 'sim', hardware: false, pan: this.axis('pan'), tilt: this.axis('tilt'), home_count: 1, motion: this.mode === 2 ? 1 : 0, command_age_s: 0.02,
      idle_release_s: null, code: 0, message: '',
    };
  }

  private laser(): LaserState {
    const since = this.now - this.stateSince;
    return {
      ...this.common(), driver: 'sim', hardware: false, dry_run: false, watchdog_fitted: false, no_watchdog_accepted: false, profile: 'standard', session_remaining_s: null,
      state: this.state, emitting: this.state === FIRING, indicator: this.state !== OFF, power: this.power, power_cap: 1,
      arming_remaining_s: this.state === ARMING ? Math.max(0, 2 - since) : 0, arm_remaining_s: this.state === ARMED ? Math.max(0, 60 - since) : 0,
      cooldown_remaining_s: 0, duty: 0.02, duty_cap: 0.25, pulse_s: 0.2, burst_count: 3, burst_gap_s: 0.1, cooldown_s: 1, fire_count: this.fired, dry_fire_count: 0,
      ready: this.state === ARMED, code: this.state === FIRING ? 6 : this.state === OFF ? (this.reason || 200) : 0, message: '',
    };
  }

  private safety(): SafetyState {
    const reasons = [
      ...this.isStopped ? [108] : [], ...this.operator === '' ? [100] : [], ...!this.regionConfirmed && this.operator !== '' && this.backend === 3 ? [115] : [],
    ];
    return {
      ...this.common(), laser_ok: reasons.length === 0, motion_ok: !this.isStopped, reasons, software_stop: this.isStopped, estop: 1, operator_name: this.operator,
      heartbeat_age_s: this.operator === '' ? null : this.now - this.heartbeatAt, trigger: this.trigger, auto_fire: this.autoFire, auto_fire_remaining_s: this.autoFire ? 58 : null,
      zones: this.zones, zones_version: this.zonesVersion(),
      region_confirmed: this.regionConfirmed, confirm_remaining_s: null, exclusion: 0, message: this.isStopped ? 'stopped: panel' : '',
      monotonic_ns: Math.round(this.now * 1e9), mac: '',
    };
  }

  private vision(): VisionState {
    const method = String(this.parameters['vision']?.['method']?.value);
    return {
      ...this.common(),
      detection: {
        enabled: this.parameters['vision']?.['enabled']?.value === true, method: method === 'onnx' || method === 'tflite' ? 'balloon' : method, mode: '',
        has_mask: method === 'motion' || method === 'balloon',
        available: ['motion', 'balloon', 'haar', 'onnx', 'remote'], rate_hz: 14.8, processing_s: 0.006, count: 2, dropped: 0,
      },
      motion: { active: method === 'motion', motion_detected: true, sensitivity: 25, min_area: 500 }, track_count: 2,
      clock_offset_s: null, round_trip_s: null,
      code: method === 'onnx' || method === 'tflite' ? 403 : 0,
      message: method === 'onnx' ? 'onnx: no model is configured (onnx.model)' : method === 'tflite' ? 'tflite: the package ai-edge-litert is not installed' : '',
    };
  }

  private camera(): CameraState {
    const p = this.parameters['camera'] ?? {};
    const { on, since, name } = this.recording;
    return {
      ...this.common(), source: 'sim', source_detail: 'imitated', hardware: false, on_base: false, status: 2, code: 0, message: '', width: WIDTH, height: HEIGHT,
      encoding: 'bgr8', rate_hz: 15, frames: this.seq * 7, dropped: 0, stamp_source: 3, auto_exposure: p['auto_exposure']?.value as boolean, exposure_us: 12_000,
      analog_gain: 1.5, digital_gain: 1, auto_white_balance: p['auto_white_balance']?.value as boolean, color_gains: [1.6, 1.9], lux: 320,
      brightness: p['brightness']?.value as number, contrast: p['contrast']?.value as number, saturation: p['saturation']?.value as number,
      recording: { active: on, filename: name, duration_s: on ? this.now - since : 0, size: on ? Math.round((this.now - since) * 4e5) : 0, audio: false, dropped: 0 },
      audio: { status: 0, code: 0, message: '', source: '', level: null },
    };
  }

  status(): TurretStatus {
    this.seq += 1;
    const age = 0.05;
    const { on, since, name } = this.bag;
    const status: TurretStatus = {
      header: this.header(), seq: this.seq, period_s: 0.5, backend: this.backend,
      camera_age_s: age, camera: this.camera(), vision_age_s: age, vision: this.vision(), tracks_age_s: age, tracks: this.tracks(),
      controller_age_s: age, controller: this.controller(), gimbal_age_s: age, gimbal: this.gimbal(), laser_age_s: age, laser: this.laser(),
      safety_age_s: age, safety: this.safety(), bag_age_s: age,
      bag: {
        ...this.common(), recording: on, name, selection: 'light', duration_s: on ? this.now - since : 0, size: on ? Math.round((this.now - since) * 3e5) : 0,
        messages: on ? Math.round((this.now - since) * 800) : 0, dropped: 0, held_s: 30, held_size: 9_000_000, saved: '', free_space: 41_000_000_000, code: 0, message: '',
        replay: this.replayed.name, replay_port: this.replayed.name !== '' && this.now - this.replayed.since > REPLAY_START_S ? 8100 : 0, replay_message: '',
      },
      faults: this.faults,
    };
    return this.overridden(status as unknown as Json, '') as unknown as TurretStatus;
  }

  /** A message with the members that are replaced; `prefix` is where it is in the status, with a dot. */
  private overridden(message: Json, prefix: string): Json {
    for (const [path, value] of this.overrides) {
      if (!path.startsWith(prefix)) continue;
      const names = path.slice(prefix.length).split('.');
      const last = names.pop() ?? '';
      let at: Json = message;
      for (const part of names) at = at[part] as Json;
      at[last] = value;
    }
    return message;
  }

  /** Newest message of a topic, without the namespace; null = there is none. */
  message(topic: string): unknown {
    switch (topic) {
      case 'status': return this.status();
      case 'replay/state': return this.replay;
      case 'bag/events': return this.events.shift() ?? null;
      case 'vision/mask/compressed': return {
        header: this.header(), format: 'png', data: Number(this.parameters['vision']?.['balloon.min_value']?.value ?? 0) < 0.9 ? MASK : SMALL_MASK,
      };
      case 'vision/tracks': return { header: this.header(), tracks: this.tracks() };
      case 'controller/state': return this.controller();
      case 'gimbal/state': return this.gimbal();
      case 'laser/state': return this.laser();
      case 'safety/state': return this.overridden(this.safety() as unknown as Json, 'safety.');
      case 'joint_states': return { header: this.header(), name: ['pan_joint', 'tilt_joint'], position: [this.pan, this.tilt] };
      case 'camera/camera_info': return {
        header: { ...this.header(), frame_id: 'camera_optical_frame' }, width: WIDTH, height: HEIGHT, k: [FOCAL, 0, WIDTH / 2, 0, FOCAL, HEIGHT / 2, 0, 0, 1],
      };
      case 'controller/target': {
        const target = this.mode === 2 ? this.targets().find(({ id }) => id === (this.selected || '3')) : undefined;
        if (target === undefined) return null;
        return {
          header: this.header(), track_id: target.id, azimuth: target.azimuth + target.da * 0.1, elevation: target.elevation + target.de * 0.1, azimuth_rate: target.da,
          elevation_rate: target.de, lead_s: 0.1, aim_error: 0.01,
        };
      }
      default: return null;
    }
  }

  startGoal(goal: Omit<Goal, 'since' | 'canceled'>): void {
    this.goals.set(goal.id, { ...goal, since: this.now, canceled: false });
  }

  cancelGoal(id: string): void {
    const goal = this.goals.get(id);
    if (goal !== undefined) goal.canceled = true;
  }

  /** Answer a service, by its name without the namespace; null = unknown. */
  call(service: string, args: Json): Answer | Json | null {
    const parameterCall = /^(\w+)\/(list_parameters|get_parameters|describe_parameters|set_parameters|save_parameters)$/.exec(service);
    if (parameterCall !== null) return this.callParameters(parameterCall[1] ?? '', parameterCall[2] ?? '', args);
    const needsLease = 'lease_id' in args;
    if (needsLease && service !== 'safety/release_lease' && service !== 'safety/heartbeat') {
      if (this.operator === '') return { ...this.refuse(100, 'there is no operator'), registers: [], residual: null };
      if (args['lease_id'] !== this.lease) return { ...this.refuse(101, 'this is not the current lease'), registers: [], residual: null };
    }
    const text = (name: string): string => String(args[name] ?? '');
    const value = (name: string): number => Number(args[name]);
    switch (service) {
      case 'safety/acquire_lease': {
        if (this.operator !== '' && args['take_over'] !== true) return { ...this.refuse(102, `${this.operator} is the operator`), lease_id: '', nonce: '' };
        this.operator = text('name');
        this.lease = `lease-${Math.random()}`;
        this.heartbeatAt = this.now;
        this.nonce += 1;
        if (this.state !== OFF) this.enter(OFF);
        return { ...OK, lease_id: this.lease, nonce: String(this.nonce) };
      }
      case 'safety/release_lease': this.endLease(); return OK;
      case 'safety/heartbeat': {
        if (args['lease_id'] !== this.lease || this.lease === '') return { ...this.refuse(this.operator === '' ? 100 : 125, 'the lease has ended'), nonce: '' };
        this.heartbeatAt = this.now;
        this.trigger = args['trigger'] === true;
        this.nonce += 1;
        return { ...OK, nonce: String(this.nonce) };
      }
      case 'safety/stop': this.isStopped = true; this.mode = 0; this.goalPose = null; return OK;
      case 'safety/reset': this.isStopped = false; return OK;
      case 'safety/set_zones':
        if (text('base_version') !== '' && text('base_version') !== this.zonesVersion()) return this.refuse(15, 'the zones were changed while they were edited');
        this.zones = args['zones'] as Zone[];
        this.regionConfirmed = false;
        return OK;
      case 'safety/confirm_region': this.regionConfirmed = true; return OK;
      case 'safety/set_auto_fire': this.autoFire = args['enabled'] === true; return OK;
      case 'laser/arm': if (this.isStopped) return this.refuse(108, 'stopped'); this.reason = 0; this.enter(ARMING); return OK;
      case 'laser/disarm': this.reason = 213; this.enter(OFF); return OK;
      case 'laser/fire': if (this.state !== ARMED) return this.refuse(200, 'arm first'); this.fired += value('pulses') || 3; return OK;
      case 'laser/set_power': this.power = value('power'); return OK;
      case 'laser/reset_count': this.fired = 0; return OK;
      case 'controller/set_mode': this.mode = value('mode'); this.goalPose = null; return OK;
      case 'controller/select_target': this.selected = text('track_id'); this.priority = value('priority'); return OK;
      case 'controller/move_to': this.mode = 1; this.goalPose = { pan: value('pan'), tilt: value('tilt') }; return OK;
      case 'controller/jog': {
        if (args['lease_id'] !== this.lease || this.lease === '') return this.refuse(101, 'this is not the lease');
        this.jog = { pan: value('pan_rate'), tilt: value('tilt_rate'), at: this.now };
        return OK;
      }
      case 'controller/nudge': this.mode = 1; this.goalPose = { pan: (this.goalPose?.pan ?? this.pan) + value('pan'), tilt: (this.goalPose?.tilt ?? this.tilt) + value('tilt') }; return OK;
      case 'controller/look_at_pixel':
        this.mode = 1;
        this.goalPose = { pan: this.pan - Math.atan((value('x') - WIDTH / 2) / FOCAL), tilt: this.tilt - Math.atan((value('y') - HEIGHT / 2) / FOCAL) };
        return OK;
      case 'controller/save_preset': {
        const preset = { name: text('name'), pan: args['current'] === true ? this.pan : value('pan'), tilt: args['current'] === true ? this.tilt : value('tilt') };
        const at = this.presets.findIndex(({ name }) => name === preset.name);
        this.presets = at < 0 ? [...this.presets, preset] : this.presets.map((old, i) => (i === at ? preset : old));
        return OK;
      }
      case 'controller/recall_preset': {
        const preset = this.presets.find(({ name }) => name === text('name'));
        if (preset === undefined) return this.refuse(4, `there is no preset "${text('name')}"`);
        this.mode = 1;
        this.goalPose = { pan: preset.pan ?? 0, tilt: preset.tilt ?? 0 };
        return OK;
      }
      case 'controller/delete_preset': this.presets = this.presets.filter(({ name }) => name !== text('name')); return OK;
      case 'controller/set_boresight': return { ...OK, residual: null };
      case 'gimbal/set_enabled': case 'gimbal/set_home': return OK;
      case 'gimbal/access_registers': return { ...OK, registers: [{ axis: 'pan', name: 'IHOLD_IRUN', address: 16, value: 0x10704, valid: true }] };
      case 'vision/teach_color': return { ...OK, hsv_center: [0.98, 0.8, 0.7], hsv_range: [0.05, 0.3, 0.4] };
      case 'camera/capture_still': {
        const name = `still_${this.media.length}${text('label') === '' ? '' : `_${text('label')}`}.jpg`;
        this.media = [{ name, kind: 1, size: 150_000, modified: { sec: Math.floor(this.now), nanosec: 0 }, duration_s: null }, ...this.media];
        return { ...OK, name };
      }
      case 'camera/start_recording': this.recording = { on: true, since: this.now, name: `video_${this.media.length}.mp4` }; return { ...OK, name: this.recording.name };
      case 'camera/stop_recording': {
        const { name, since } = this.recording;
        this.recording = { on: false, since: 0, name };
        this.media = [{ name, kind: 2, size: 4_000_000, modified: { sec: Math.floor(this.now), nanosec: 0 }, duration_s: this.now - since }, ...this.media];
        return { ...OK, name, duration_s: this.now - since };
      }
      case 'camera/list_media': return { ...OK, items: this.media };
      case 'camera/delete_media': this.media = this.media.filter(({ name }) => name !== text('name')); return OK;
      case 'camera/rename_media': this.media = this.media.map((item) => (item.name === text('name') ? { ...item, name: text('new_name') } : item)); return OK;
      case 'bag/start': this.bag = { on: true, since: this.now, name: `bag_${this.bags.length}${text('label') === '' ? '' : `_${text('label')}`}` }; return { ...OK, name: this.bag.name };
      case 'bag/stop': case 'bag/save_last': {
        const name = service === 'bag/stop' ? this.bag.name : `last_${this.bags.length}`;
        this.bag = { ...this.bag, on: false };
        this.bags = [{ name, start: { sec: Math.floor(this.now), nanosec: 0 }, duration_s: 5, size: 2_000_000, messages: 4000, complete: true }, ...this.bags];
        return { ...OK, name };
      }
      case 'bag/list': return { ...OK, bags: this.bags };
      case 'bag/mark':
        if (text('text') === '') return this.refuse(1, 'a mark needs a text');
        this.events.push({ stamp: this.header().stamp, level: 20, name: '/turret/bag', msg: `mark: ${text('text')}` });
        return OK;
      case 'replay/set_paused': case 'replay/step': case 'replay/seek': case 'replay/set_rate': case 'replay/set_gap_skipping': case 'replay/seek_event': case 'replay/list_events':
        return this.callReplay(service, args);
      case 'bag/rename': this.bags = this.bags.map((bag) => (bag.name === text('name') ? { ...bag, name: text('new_name') } : bag)); return OK;
      case 'bag/start_replay':
        if (this.replayed.name !== '') return this.refuse(5, `${this.replayed.name} is being replayed; end that replay first`);
        this.replayed = { since: this.now, name: text('name') };
        return OK;
      case 'bag/stop_replay': this.replayed = { since: 0, name: '' }; return OK;
      case 'bag/delete': this.bags = this.bags.filter(({ name }) => name !== text('name')); return OK;
      case 'status/get_faults': return {
        ...OK, faults: [...this.faults, { node: 'camera', code: 402, message: 'no frames for 1.2 s', severity: 1, age_s: 620, active: false }],
      };
      default: return null;
    }
  }

  /** Begin the replay of a recording. */
  startReplay(): void {
    this.replay = {
      ...this.common(), name: '20261129_101000_test', into: [], position_s: 0, duration_s: 62, rate: 1, min_gap_s: 0, silence_s: 0.02, paused: false, loop: false,
      ended: false, passes: 0, messages: 0, late_s: 0.001, domain: 101, code: 0, message: '',
    };
  }

  private callReplay(service: string, args: Json): Answer {
    const { replay } = this;
    if (replay === null) return this.refuse(5, 'no replay runs');
    const events: ReplayEvent[] = [{ position_s: 12, level: 20, text: 'mark: target lost' }, { position_s: 40, level: 30, text: 'fault: camera NO_FRAMES' }];
    switch (service) {
      case 'replay/set_paused': replay.paused = args['paused'] === true; break;
      case 'replay/seek': replay.position_s = Number(args['position_s']); break;
      case 'replay/set_rate': replay.rate = Number(args['rate']); break;
      case 'replay/set_gap_skipping': replay.min_gap_s = Number(args['min_gap_s']); break;
      case 'replay/step': replay.position_s = (replay.position_s ?? 0) + 0.066; break;
      case 'replay/seek_event': {
        const at = replay.position_s ?? 0;
        const event = args['backward'] === true ? events.findLast(({ position_s: p }) => (p ?? 0) < at - 0.5) : events.find(({ position_s: p }) => (p ?? 0) > at);
        if (event === undefined) return { ...this.refuse(13, 'there is no such event'), event: events[0] };
        replay.position_s = event.position_s;
        return { ...OK, event };
      }
      default: return { ...OK, events };
    }
    return OK;
  }

  private zonesVersion(): string {
    return JSON.stringify(this.zones);
  }

  private refuse(code: number, message: string): Answer {
    return { success: false, code, message };
  }

  private callParameters(node: string, verb: string, args: Json): Json | null {
    const all = this.parameters[node];
    if (all === undefined) return null;
    const members = ['', 'bool_value', 'integer_value', 'double_value', 'string_value', '', 'bool_array_value', 'integer_array_value', 'double_array_value', 'string_array_value'];
    const names = (args['names'] as string[] | undefined) ?? [];
    switch (verb) {
      case 'list_parameters': return { result: { names: Object.keys(all), prefixes: [] } };
      case 'get_parameters': return { values: names.map((name) => ({ type: all[name]?.type ?? 0, [members[all[name]?.type ?? 0] ?? '']: all[name]?.value })) };
      case 'describe_parameters': return {
        descriptors: names.map((name) => {
          const p = all[name];
          const range = p?.min === undefined ? [] : [{ from_value: p.min, to_value: p.max }];
          return {
            name, type: p?.type ?? 0, description: p?.description ?? '', additional_constraints: p?.choices ?? '', read_only: p?.readOnly ?? false,
            floating_point_range: p?.type === 3 ? range : [], integer_range: p?.type === 2 ? range : [],
          };
        }),
      };
      case 'set_parameters': return {
        results: (args['parameters'] as { name: string; value: Json }[]).map(({ name, value }) => {
          const p = all[name];
          if (p === undefined) return { successful: false, reason: `there is no parameter ${name}` };
          const next = value[members[p.type] ?? ''];
          if (typeof next === 'number' && p.min !== undefined && p.max !== undefined && (next < p.min || next > p.max)) return { successful: false, reason: `${next} is out of range` };
          p.value = next;
          return { successful: true, reason: '' };
        }),
      };
      default: return { ...OK, path: `config/${node}.yaml` };
    }
  }

  /** Paint what the camera sees, three bytes per pixel. */
  paint(pixels: Uint8Array): void {
    for (let y = 0; y < HEIGHT; y += 1) {
      const elevation = this.tilt - Math.atan((y - HEIGHT / 2) / FOCAL);
      for (let x = 0; x < WIDTH; x += 1) {
        const azimuth = this.pan - Math.atan((x - WIDTH / 2) / FOCAL);
        const isFloor = elevation < -0.25;
        const stripe = Math.floor(azimuth * 8) % 2 === 0 ? 10 : 0;
        const shade = isFloor ? 92 + (Math.floor(azimuth * 14) + Math.floor(elevation * 14)) % 2 * 8 : 168 - elevation * 60 + stripe;
        pixels.set(isFloor ? [shade, shade * 0.82, shade * 0.62] : [shade * 0.93, shade * 0.95, shade], (y * WIDTH + x) * 3);
      }
    }
    for (const { azimuth, elevation, size, color } of this.targets()) {
      const box = this.boxOf(azimuth, elevation, size);
      if (box === null || box.center_x === null || box.center_y === null || box.width === null || box.height === null) continue;
      for (let y = Math.max(0, Math.floor(box.center_y - box.height / 2)); y < Math.min(HEIGHT, box.center_y + box.height / 2); y += 1) {
        for (let x = Math.max(0, Math.floor(box.center_x - box.width / 2)); x < Math.min(WIDTH, box.center_x + box.width / 2); x += 1) {
          const [u, v] = [(x - box.center_x) / (box.width / 2), (y - box.center_y) / (box.height / 2)];
          const r = u * u + v * v;
          if (r > 1) continue;
          const light = 1.05 - 0.4 * r + (Math.hypot(u + 0.35, v + 0.35) < 0.25 ? 0.6 : 0);
          pixels.set(color.map((c) => Math.min(255, c * light)), (y * WIDTH + x) * 3);
        }
      }
    }
    if (this.state === FIRING) {
      for (let dy = -3; dy <= 3; dy += 1) for (let dx = -3; dx <= 3; dx += 1) if (dx * dx + dy * dy < 10) pixels.set([255, 60, 70], ((HEIGHT / 2 + 6 + dy) * WIDTH + WIDTH / 2 - 4 + dx) * 3);
    }
  }
}
