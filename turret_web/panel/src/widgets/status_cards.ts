/** One card for every section of the status. */

import { h, setData, setList, setText } from '../dom';
import { bytes, degrees, duration, milliseconds, number, percent } from '../format';
import {
  AxisState, CameraState, ControllerState, GimbalState, LaserState, SafetyState, Track, type BagState, type VisionState,
} from '../generated/interfaces';
import type { Panel, Widget } from '../panel';
import { constantLabel, reasonName } from '../reasons';
import { statusCard, type Row, type Tone } from './card';

function reason(code: number): string {
  return code === 0 ? 'none' : reasonName(code);
}

function badIf(bad: boolean, tone: Tone = 'bad'): Tone {
  return bad ? tone : 'plain';
}

const yesNo = (value: boolean): string => (value ? 'yes' : 'no');

const CAMERA: readonly Row<CameraState>[] = [
  {
    label: 'Source', value: (s) => [s.source, s.source_detail].filter(Boolean).join(' · '),
  },
  {
    label: 'State', value: (s) => constantLabel(CameraState, 'STATUS_', s.status) + (s.code ? ` · ${reasonName(s.code)}` : ''),
    tone: (s) => (s.status === CameraState.STATUS_STREAMING ? 'good' : 'warning'),
  },
  { label: 'Image', value: (s) => `${s.width}×${s.height} ${s.encoding}` },
  { label: 'Rate', value: (s) => number(s.rate_hz, 1, 'fps') },
  { label: 'Dropped', value: (s) => `${s.dropped} of ${s.frames}`, tone: (s) => badIf(s.dropped > s.frames / 20, 'warning') },
  {
    label: 'Exposure',
    value: (s) => `${s.exposure_us === null ? '–' : milliseconds(s.exposure_us / 1e6)} ${s.auto_exposure ? 'auto' : 'fixed'}`,
  },
  { label: 'Gain', value: (s) => `${number(s.analog_gain, 1)} × ${number(s.digital_gain, 1)}` },
  {
    label: 'White balance',
    value: (s) => `${s.auto_white_balance ? 'auto' : 'fixed'} ${number(s.color_gains[0] ?? null, 2)} / ${number(s.color_gains[1] ?? null, 2)}`,
  },
  { label: 'Light', value: (s) => number(s.lux, 0, 'lx') },
  {
    label: 'Recording',
    value: (s) => (s.recording.active
      ? `${duration(s.recording.duration_s)} · ${bytes(s.recording.size)}` : s.recording.filename || 'off'),
    tone: (s) => badIf(s.recording.active, 'good'),
  },
];

const VISION: readonly Row<VisionState>[] = [
  {
    label: 'Method', value: ({ detection: d }) => (d.enabled ? [d.method, d.mode].filter(Boolean).join(' · ') : 'off'),
  },
  { label: 'Rate', value: (s) => number(s.detection.rate_hz, 1, 'Hz') },
  { label: 'Time per image', value: (s) => milliseconds(s.detection.processing_s) },
  { label: 'Detections', value: (s) => String(s.detection.count) },
  { label: 'Skipped images', value: (s) => String(s.detection.dropped) },
  {
    label: 'Motion',
    value: ({ motion: m }) => (m.active ? `${m.motion_detected ? 'yes' : 'none'} · threshold ${number(m.sensitivity, 0)}` : 'not in use'),
  },
  { label: 'Tracks', value: (s) => String(s.track_count), tone: (s) => badIf(s.track_count > 0, 'good') },
  { label: 'Problem', value: (s) => reason(s.code), tone: (s) => badIf(s.code !== 0, 'warning') },
];

const CONTROLLER: readonly Row<ControllerState>[] = [
  { label: 'Mode', value: (s) => constantLabel(ControllerState, 'MODE_', s.mode) },
  {
    label: 'Tracking', value: (s) => constantLabel(ControllerState, 'TRACKING_', s.tracking),
    tone: (s) => badIf(s.tracking === ControllerState.TRACKING_FOLLOWING, 'good'),
  },
  {
    label: 'Target',
    value: (s) => `${s.target_id || 'none'}${s.selected_id ? ' (chosen)' : ` (${constantLabel(ControllerState, 'PRIORITY_', s.priority).toLowerCase()})`}`,
  },
  { label: 'Aim error', value: (s) => degrees(s.aim_error, 2), tone: (s) => badIf(s.on_target, 'good') },
  { label: 'On target', value: (s) => yesNo(s.on_target) },
  { label: 'Prediction', value: (s) => (s.predictive ? 'on' : 'off') },
  { label: 'Loop', value: (s) => number(s.rate_hz, 0, 'Hz') },
  {
    label: 'Crosshair',
    value: ({ crosshair: c }) => `${number(c.x, 0)}, ${number(c.y, 0)} px${c.calibrated ? '' : ' · not calibrated'}`,
  },
  { label: 'Boresight', value: ({ crosshair: c }) => `${degrees(c.boresight_azimuth, 2)} / ${degrees(c.boresight_elevation, 2)}` },
  {
    label: 'Pattern',
    value: ({ pattern: p }) => (p.running
      ? `${p.name} ${p.step + 1}${p.step_count ? `/${p.step_count}` : ''}${p.paused ? ' · paused' : ''}` : 'none'),
  },
  { label: 'Inhibited by', value: (s) => reason(s.code), tone: (s) => badIf(s.code !== 0, 'warning') },
];

function axisRows(label: string, axis: (s: GimbalState) => AxisState): Row<GimbalState>[] {
  return [
    {
      label,
      value: (s) => `${degrees(axis(s).position)} · ${degrees(axis(s).velocity)}/s`,
      tone: (s) => badIf(axis(s).moving, 'good'),
    },
    {
      label: `${label} axis`,
      value: (s) => {
        const { state, position_source: source, homed } = axis(s);
        return [
          constantLabel(AxisState, 'STATE_', state),
          constantLabel(AxisState, 'POSITION_', source).toLowerCase(),
          homed ? 'homed' : 'not homed',
        ].join(' · ');
      },
      tone: (s) => badIf(!axis(s).homed || axis(s).state === AxisState.STATE_FAULT, 'warning'),
    },
    {
      label: `${label} limits`,
      value: (s) => `${degrees(axis(s).lower, 0)} to ${degrees(axis(s).upper, 0)}${switches(axis(s))}`,
    },
  ];
}

function switches({ lower_switch: lower, upper_switch: upper }: AxisState): string {
  const pressed = [AxisState.SWITCH_PRESSED, AxisState.SWITCH_UNREADABLE] as readonly number[];
  const ends = [pressed.includes(lower) ? 'lower' : '', pressed.includes(upper) ? 'upper' : ''].filter(Boolean);
  return ends.length === 0 ? '' : ` · ${ends.join(' and ')} switch`;
}

const GIMBAL: readonly Row<GimbalState>[] = [
  { label: 'Driver', value: (s) => `${s.driver}${s.hardware ? '' : ' (no hardware)'}` },
  ...axisRows('Pan', (s) => s.pan),
  ...axisRows('Tilt', (s) => s.tilt),
  { label: 'Driven by', value: (s) => constantLabel(GimbalState, 'MOTION_', s.motion) },
  { label: 'Motors off in', value: (s) => (s.idle_release_s === null ? 'never' : duration(s.idle_release_s)) },
  { label: 'Inhibited by', value: (s) => reason(s.code), tone: (s) => badIf(s.code !== 0, 'warning') },
];

const LASER: readonly Row<LaserState>[] = [
  { label: 'Driver', value: (s) => `${s.driver}${s.hardware ? '' : ' (no hardware)'} · ${s.profile}` },
  {
    label: 'State', value: (s) => constantLabel(LaserState, 'STATE_', s.state),
    tone: (s) => (s.state === LaserState.STATE_OFF ? 'plain' : s.state === LaserState.STATE_FAULT ? 'bad' : 'warning'),
  },
  { label: 'Emitting', value: (s) => yesNo(s.emitting), tone: (s) => badIf(s.emitting) },
  { label: 'Power', value: (s) => `${percent(s.power)} of at most ${percent(s.power_cap)}` },
  {
    label: 'Duty', value: (s) => `${percent(s.duty, 1)} of ${percent(s.duty_cap)}`,
    tone: (s) => badIf((s.duty ?? 0) >= (s.duty_cap ?? 1), 'warning'),
  },
  { label: 'Light left this hour', value: (s) => (s.session_remaining_s === null ? 'no limit' : duration(s.session_remaining_s)) },
  {
    label: 'Burst',
    value: (s) => `${s.burst_count} × ${milliseconds(s.pulse_s)}, gap ${milliseconds(s.burst_gap_s)}, pause ${duration(s.cooldown_s)}`,
  },
  { label: 'Pulses', value: (s) => `${s.fire_count}${s.dry_fire_count ? ` · dry ${s.dry_fire_count}` : ''}` },
  { label: 'Watchdog', value: (s) => (s.watchdog_fitted ? 'fitted' : s.hardware ? 'none' : 'not needed') },
  { label: 'Not ready for', value: (s) => reason(s.code), tone: (s) => badIf(s.code !== 0, 'warning') },
];

const SAFETY: readonly Row<SafetyState>[] = [
  { label: 'Laser', value: (s) => (s.laser_ok ? 'permitted' : 'withheld'), tone: (s) => (s.laser_ok ? 'good' : 'warning') },
  { label: 'Motion', value: (s) => (s.motion_ok ? 'permitted' : 'withheld'), tone: (s) => (s.motion_ok ? 'good' : 'warning') },
  { label: 'Withheld for', value: (s) => s.reasons.map(reasonName).join(', ') || 'nothing', tone: (s) => badIf(s.reasons.length > 0, 'warning') },
  { label: 'Operator', value: (s) => s.operator_name || 'nobody' },
  { label: 'Heartbeat', value: (s) => (s.heartbeat_age_s === null ? 'none' : `${milliseconds(s.heartbeat_age_s)} ago`) },
  { label: 'Trigger', value: (s) => (s.trigger ? 'held' : 'released'), tone: (s) => badIf(s.trigger) },
  { label: 'Automatic fire', value: (s) => (s.auto_fire ? 'on' : 'off'), tone: (s) => badIf(s.auto_fire) },
  { label: 'E-stop input', value: (s) => constantLabel(SafetyState, 'ESTOP_', s.estop), tone: (s) => badIf(s.estop >= SafetyState.ESTOP_PRESSED) },
  {
    label: 'Zones', value: (s) => `${s.zones.length} · region ${s.region_confirmed ? 'confirmed' : 'not confirmed'}`,
  },
  {
    label: 'People', value: (s) => constantLabel(SafetyState, 'EXCLUSION_', s.exclusion),
    tone: (s) => badIf(s.exclusion >= SafetyState.EXCLUSION_BLOCKED, 'warning'),
  },
];

const BAG: readonly Row<BagState>[] = [
  {
    label: 'Recording', value: (s) => (s.recording ? `${duration(s.duration_s)} · ${bytes(s.size)}` : 'off'),
    tone: (s) => badIf(s.recording, 'good'),
  },
  { label: 'Bag', value: (s) => s.name || 'none' },
  { label: 'Messages', value: (s) => `${s.messages}${s.dropped ? ` · ${s.dropped} lost` : ''}`, tone: (s) => badIf(s.dropped > 0, 'warning') },
  { label: 'Ring buffer', value: (s) => `${duration(s.held_s)} · ${bytes(s.held_size)}` },
  { label: 'Free space', value: (s) => bytes(s.free_space), tone: (s) => badIf(s.code !== 0, 'warning') },
];

/** The newest tracks. */
function trackList(panel: Panel): Widget {
  const list = h('ul', { class: 'tracks', 'aria-label': 'Tracks' });
  return {
    element: list,
    update() {
      const tracks = panel.store.status?.tracks ?? [];
      setList(list, tracks, (track) => track.id, () => h('li', {}, h('b'), h('span')));
      tracks.forEach((track, i) => {
        const [name, detail] = [...(list.children[i] as HTMLElement).children] as HTMLElement[];
        setData(list.children[i] as HTMLElement, 'state', constantLabel(Track, 'STATE_', track.state));
        setText(name as HTMLElement, `${track.class_id || 'object'} ${track.id}`);
        setText(detail as HTMLElement, [
          constantLabel(Track, 'STATE_', track.state).toLowerCase(),
          `${degrees(track.azimuth)} / ${degrees(track.elevation)}`,
          percent(track.confidence),
        ].join(' · '));
      });
    },
  };
}

export function statusCards(panel: Panel): Widget[] {
  return [
    statusCard(panel, 'safety', 'Safety', SAFETY),
    statusCard(panel, 'laser', 'Laser', LASER),
    statusCard(panel, 'gimbal', 'Gimbal', GIMBAL),
    statusCard(panel, 'controller', 'Controller', CONTROLLER),
    statusCard(panel, 'vision', 'Vision', VISION, trackList(panel)),
    statusCard(panel, 'camera', 'Camera', CAMERA),
    statusCard(panel, 'bag', 'Bag', BAG),
  ];
}
