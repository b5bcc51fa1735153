// SPDX-License-Identifier: Apache-2.0
/** What the drawer of every section shows: label, value, and how it differs from normal. */

import type { SectionName, Sections } from '../../bridge/sections';
import {
  AxisState, CameraState, ControllerState, GimbalState, LaserState, SafetyState, type BagState, type VisionState,
} from '../../generated/interfaces';
import { bytes, degrees, duration, milliseconds, number, percent } from '../../state/format';
import { sentence } from '../../state/guidance';
import type { Tone } from '../../state/notices';
import { constantLabel, reasonName } from '../../state/reasons';
import { t } from '../../text';

export interface Row<T> {
  label: string;
  value: (state: T) => string;
  /** Tooltip, e.g. a reason code. */
  title?: (state: T) => string;
  tone?: (state: T) => Tone;
}

const s = t.status;

function reason(code: number): string {
  return code === 0 ? s.none : sentence(code);
}

function toneIf(is: boolean, tone: Tone = 'bad'): Tone {
  return is ? tone : 'plain';
}

const yesNo = (value: boolean): string => (value ? s.yes : s.no);

const CAMERA: readonly Row<CameraState>[] = [
  { label: s.source, value: (c) => [c.source, c.source_detail].filter(Boolean).join(' · ') },
  {
    label: s.state, value: (c) => constantLabel(CameraState, 'STATUS_', c.status) + (c.code ? ` · ${reasonName(c.code)}` : ''),
    tone: (c) => (c.status === CameraState.STATUS_STREAMING ? 'good' : 'warning'),
  },
  { label: s.image, value: (c) => `${c.width}×${c.height} ${c.encoding}` },
  { label: s.rate, value: (c) => number(c.rate_hz, 1, 'fps') },
  { label: s.droppedFrames, value: (c) => s.of(c.dropped, c.frames), tone: (c) => toneIf(c.dropped > c.frames / 20, 'warning') },
  {
    label: s.exposure,
    value: (c) => `${c.exposure_us === null ? '–' : milliseconds(c.exposure_us / 1e6)} ${c.auto_exposure ? s.auto : s.fixed}`,
  },
  { label: s.gain, value: (c) => `${number(c.analog_gain, 1)} × ${number(c.digital_gain, 1)}` },
  {
    label: s.whiteBalance,
    value: (c) => `${c.auto_white_balance ? s.auto : s.fixed} ${number(c.color_gains[0] ?? null, 2)} / ${number(c.color_gains[1] ?? null, 2)}`,
  },
  { label: s.light, value: (c) => number(c.lux, 0, 'lx') },
  {
    label: s.recording,
    value: (c) => (c.recording.active
      ? `${duration(c.recording.duration_s)} · ${bytes(c.recording.size)}` : c.recording.filename || s.off),
    tone: (c) => toneIf(c.recording.active, 'good'),
  },
];

const VISION: readonly Row<VisionState>[] = [
  { label: s.method, value: ({ detection: d }) => (d.enabled ? [d.method, d.mode].filter(Boolean).join(' · ') : s.off) },
  { label: s.rate, value: (v) => number(v.detection.rate_hz, 1, 'Hz') },
  { label: s.timePerFrame, value: (v) => milliseconds(v.detection.processing_s) },
  { label: s.detections, value: (v) => String(v.detection.count) },
  { label: s.droppedFrames, value: (v) => String(v.detection.dropped) },
  { label: s.motionSeen, value: ({ motion: m }) => (m.active ? yesNo(m.motion_detected) : s.off) },
  { label: s.tracks, value: (v) => String(v.track_count) },
  { label: s.problem, value: (v) => reason(v.code), title: (v) => reasonName(v.code), tone: (v) => toneIf(v.code !== 0, 'warning') },
];

const CONTROLLER: readonly Row<ControllerState>[] = [
  { label: s.mode, value: (c) => constantLabel(ControllerState, 'MODE_', c.mode) },
  {
    label: s.tracking, value: (c) => constantLabel(ControllerState, 'TRACKING_', c.tracking),
    tone: (c) => toneIf(c.tracking === ControllerState.TRACKING_FOLLOWING, 'good'),
  },
  {
    label: s.target,
    value: (c) => `${c.target_id || s.none} (${c.selected_id ? s.chosen : constantLabel(ControllerState, 'PRIORITY_', c.priority).toLowerCase()})`,
  },
  { label: s.aimError, value: (c) => degrees(c.aim_error, 2), tone: (c) => toneIf(c.on_target, 'good') },
  { label: s.onTarget, value: (c) => yesNo(c.on_target) },
  { label: s.prediction, value: (c) => (c.predictive ? s.on : s.off) },
  { label: s.controlRate, value: (c) => number(c.rate_hz, 0, 'Hz') },
  {
    label: s.crosshair,
    value: ({ crosshair: c }) => `${number(c.x, 0)}, ${number(c.y, 0)} px${c.calibrated ? '' : ` · ${s.notCalibrated}`}`,
  },
  {
    label: s.boresight,
    value: ({ crosshair: c }) => s.leftUp(degrees(c.boresight_azimuth, 2), degrees(c.boresight_elevation, 2)),
  },
  {
    label: s.pattern,
    value: ({ pattern: p }) => (p.running
      ? `${p.name} ${p.step + 1}${p.step_count ? `/${p.step_count}` : ''}${p.paused ? ` · ${s.paused}` : ''}` : s.none),
  },
  { label: s.blockedBy, value: (c) => reason(c.code), title: (c) => reasonName(c.code), tone: (c) => toneIf(c.code !== 0, 'warning') },
];

function axisRows(label: string, axis: (g: GimbalState) => AxisState): Row<GimbalState>[] {
  return [
    {
      label,
      value: (g) => `${degrees(axis(g).position)} · ${degrees(axis(g).velocity)}/s`,
      tone: (g) => toneIf(axis(g).moving, 'good'),
    },
    {
      label: s.axis(label),
      value: (g) => {
        const { state, position_source: source, homed } = axis(g);
        return [
          constantLabel(AxisState, 'STATE_', state), constantLabel(AxisState, 'POSITION_', source).toLowerCase(),
          homed ? s.homed : s.notHomed,
        ].join(' · ');
      },
      tone: (g) => toneIf(!axis(g).homed || axis(g).state === AxisState.STATE_FAULT, 'warning'),
    },
    {
      label: s.limits(label),
      value: (g) => s.range(degrees(axis(g).lower, 0), degrees(axis(g).upper, 0)) + switches(axis(g)),
      tone: (g) => toneIf(switches(axis(g)) !== '', 'warning'),
    },
  ];
}

function switches({ lower_switch: lower, upper_switch: upper }: AxisState): string {
  const pressed = [AxisState.SWITCH_PRESSED, AxisState.SWITCH_UNREADABLE] as readonly number[];
  const ends = [pressed.includes(lower) ? s.lower : '', pressed.includes(upper) ? s.upper : ''].filter(Boolean);
  return ends.length === 0 ? '' : ` · ${s.limitSwitch(ends)}`;
}

const GIMBAL: readonly Row<GimbalState>[] = [
  { label: s.driver, value: (g) => `${g.driver}${g.hardware ? '' : ` (${s.noHardware})`}` },
  ...axisRows(t.move.pan, (g) => g.pan),
  ...axisRows(t.move.tilt, (g) => g.tilt),
  { label: s.drivenBy, value: (g) => constantLabel(GimbalState, 'MOTION_', g.motion) },
  { label: s.motorsOffIn, value: (g) => (g.idle_release_s === null ? s.never : duration(g.idle_release_s)) },
  { label: s.blockedBy, value: (g) => reason(g.code), title: (g) => reasonName(g.code), tone: (g) => toneIf(g.code !== 0, 'warning') },
];

const LASER: readonly Row<LaserState>[] = [
  { label: s.driver, value: (l) => `${l.driver}${l.hardware ? '' : ` (${s.noHardware})`} · ${l.profile}` },
  {
    label: s.state, value: (l) => constantLabel(LaserState, 'STATE_', l.state),
    tone: (l) => (l.state === LaserState.STATE_OFF ? 'plain' : l.state === LaserState.STATE_FAULT ? 'bad' : 'warning'),
  },
  { label: s.emission, value: (l) => (l.emitting ? s.on : s.off), tone: (l) => toneIf(l.emitting) },
  { label: s.power, value: (l) => s.atMost(percent(l.power), percent(l.power_cap)) },
  {
    label: s.duty, value: (l) => s.of(percent(l.duty, 1), percent(l.duty_cap)),
    tone: (l) => toneIf((l.duty ?? 0) >= (l.duty_cap ?? 1), 'warning'),
  },
  { label: s.emissionLeft, value: (l) => (l.session_remaining_s === null ? s.noLimit : duration(l.session_remaining_s)) },
  {
    label: s.burst,
    value: (l) => s.burstOf(l.burst_count, milliseconds(l.pulse_s), milliseconds(l.burst_gap_s), duration(l.cooldown_s)),
  },
  { label: s.pulses, value: (l) => `${l.fire_count}${l.dry_fire_count ? ` · ${s.dry(l.dry_fire_count)}` : ''}` },
  { label: s.watchdog, value: (l) => (l.watchdog_fitted ? s.fitted : l.hardware ? s.none : s.notNeeded) },
  { label: s.notReady, value: (l) => reason(l.code), title: (l) => reasonName(l.code), tone: (l) => toneIf(l.code !== 0 && l.state !== LaserState.STATE_OFF, 'warning') },
];

const SAFETY: readonly Row<SafetyState>[] = [
  { label: s.emission, value: (f) => (f.laser_ok ? s.permitted : s.inhibited), tone: (f) => (f.laser_ok ? 'good' : 'warning') },
  { label: s.motion, value: (f) => (f.motion_ok ? s.permitted : s.inhibited), tone: (f) => (f.motion_ok ? 'good' : 'warning') },
  { label: s.blockedBy, value: (f) => f.reasons.map(sentence).join(' ') || s.nothing, title: (f) => f.reasons.map(reasonName).join(', '), tone: (f) => toneIf(f.reasons.length > 0, 'warning') },
  { label: s.operator, value: (f) => f.operator_name || s.noOperator },
  { label: s.heartbeat, value: (f) => (f.heartbeat_age_s === null ? s.none : s.ago(milliseconds(f.heartbeat_age_s))) },
  { label: s.trigger, value: (f) => (f.trigger ? s.held : s.released), tone: (f) => toneIf(f.trigger) },
  { label: s.autoFire, value: (f) => (f.auto_fire ? s.on : s.off), tone: (f) => toneIf(f.auto_fire) },
  { label: s.estop, value: (f) => constantLabel(SafetyState, 'ESTOP_', f.estop), tone: (f) => toneIf(f.estop >= SafetyState.ESTOP_PRESSED) },
  { label: s.zones, value: (f) => `${f.zones.length} · ${f.region_confirmed ? s.regionConfirmed : s.regionNotConfirmed}` },
  {
    label: s.personExclusion, value: (f) => constantLabel(SafetyState, 'EXCLUSION_', f.exclusion).toLowerCase(),
    tone: (f) => toneIf(f.exclusion >= SafetyState.EXCLUSION_BLOCKED, 'warning'),
  },
];

const BAG: readonly Row<BagState>[] = [
  {
    label: s.recording, value: (b) => (b.recording ? `${duration(b.duration_s)} · ${bytes(b.size)}` : s.off),
    tone: (b) => toneIf(b.recording, 'good'),
  },
  { label: s.bag, value: (b) => b.name || s.none },
  { label: s.messages, value: (b) => `${b.messages}${b.dropped ? ` · ${s.lost(b.dropped)}` : ''}`, tone: (b) => toneIf(b.dropped > 0, 'warning') },
  { label: s.ringBuffer, value: (b) => `${duration(b.held_s)} · ${bytes(b.held_size)}` },
  { label: s.freeSpace, value: (b) => bytes(b.free_space), tone: (b) => toneIf(b.code !== 0, 'warning') },
];

type Rows = { readonly [K in SectionName]: readonly Row<Sections[K]>[] };

export const ROWS: Rows = {
  camera: CAMERA, vision: VISION, controller: CONTROLLER, gimbal: GIMBAL, laser: LASER, safety: SAFETY, bag: BAG,
};
