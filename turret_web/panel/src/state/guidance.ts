// SPDX-License-Identifier: Apache-2.0
/** The one sentence that says what to do next, derived from the present state, with the action that does it. */

import { LaserState, ReasonCode, type SafetyState } from '../generated/interfaces';
import { t } from '../text';
import { isArmed, isArming, type ActionId } from './actions';
import type { Panel } from './panel';
import { reasonName, reasonText } from './reasons';
import type { Tone } from './notices';

export interface Guidance {
  tone: Tone;
  text: string;
  /** Reason code behind it, for the tooltip; empty = none. */
  code: string;
  /** The remedy, where one press is enough; or the view to open. */
  action?: ActionId;
  view?: string;
}

const ACTIONS: Partial<Record<number, ActionId>> = {
  [ReasonCode.NO_OPERATOR]: 'takeControl',
  [ReasonCode.WRONG_LEASE]: 'takeControl',
  [ReasonCode.OPERATOR_CHANGED]: 'takeControl',
  [ReasonCode.SOFTWARE_STOP]: 'resetStop',
  [ReasonCode.NOT_HOMED]: 'home',
  [ReasonCode.REGION_NOT_CONFIRMED]: 'confirmRegion',
};
const VIEWS: Partial<Record<number, string>> = {
  [ReasonCode.NO_FIRE_ZONE]: 'zones',
  [ReasonCode.POWER_ZERO]: 'drive',
  [ReasonCode.NO_FLOOR_REGION]: 'zones',
};
/** Ends by itself or is what the operator just did: no reason to show. */
const SILENT: readonly number[] = [ReasonCode.OK, ReasonCode.NOT_ARMED, ReasonCode.ARMING, ReasonCode.DISARMED, ReasonCode.BUSY];

/** A reason as a sentence that says what to do. */
export function sentence(code: number): string {
  return t.reasons[reasonName(code)] ?? capitalized(reasonText(code) || reasonName(code));
}

function capitalized(text: string): string {
  return text === '' ? '' : `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
}

function forReason(code: number): Guidance {
  const action = ACTIONS[code];
  const view = VIEWS[code];
  return {
    tone: 'warning', text: sentence(code), code: reasonName(code),
    ...(action === undefined ? {} : { action }), ...(view === undefined ? {} : { view }),
  };
}

/**
 * Present reasons why the laser does not emit, without those of the past: the code of the laser counts only while it
 * is armed, because after a disarm it keeps the reason of that.
 */
export function presentReasons(laser: LaserState | null, safety: SafetyState | null): number[] {
  const isOn = laser !== null && laser.state !== LaserState.STATE_OFF;
  const own = isOn && !laser.emitting && !laser.ready ? [laser.code] : [];
  return [...new Set([...safety?.reasons ?? [], ...own])].filter((code) => !SILENT.includes(code));
}

/** Why the laser was last disarmed; 0 = nothing to report. */
export function lastDisarm(laser: LaserState | null, safety: SafetyState | null): number {
  if (laser === null || laser.state !== LaserState.STATE_OFF) return 0;
  return SILENT.includes(laser.code) || safety?.reasons.includes(laser.code) ? 0 : laser.code;
}

export function guidance(panel: Panel): Guidance {
  const { store, operator } = panel;
  if (store.stale.value) return { tone: 'bad', text: t.guidance.unknown, code: '' };
  const [laser, safety] = [store.section('laser'), store.section('safety')];
  if (safety?.software_stop) return forReason(ReasonCode.SOFTWARE_STOP);
  if (!panel.mayOperate) return { tone: 'plain', text: t.guidance.viewer, code: '' };
  if (!operator.isOperator.value) {
    const other = safety?.operator_name ?? '';
    return {
      tone: 'plain', text: other === '' ? t.guidance.takeControl : t.guidance.otherControls(other),
      code: reasonName(ReasonCode.NO_OPERATOR), action: 'takeControl',
    };
  }
  if (!operator.isPresent.value) return { tone: 'warning', text: t.guidance.away, code: '' };
  const [first] = presentReasons(laser, safety);
  if (first !== undefined) return forReason(first);
  if (laser === null) return { tone: 'warning', text: t.guidance.noLaser, code: '' };
  if (laser.state === LaserState.STATE_FAULT) return { tone: 'bad', text: laser.message || t.guidance.fault, code: reasonName(laser.code) };
  if ((laser.power ?? 0) === 0) return { tone: 'plain', text: t.guidance.setPower, code: '', view: 'drive' };
  if (laser.emitting) return { tone: 'bad', text: t.guidance.emitting, code: '' };
  if (isArming(panel)) return { tone: 'warning', text: t.guidance.arming, code: '' };
  if (isArmed(panel)) return { tone: 'warning', text: t.guidance.armed, code: '' };
  return { tone: 'good', text: t.guidance.arm, code: '' };
}
