// SPDX-License-Identifier: Apache-2.0
/** Moving the head for as long as a key, the pad, the video or a gamepad stick is held. */

import { computed, signal } from '@preact/signals';

import { isPresent } from '../bridge/operator';
import type { Panel } from './panel';

/** Deflection of each axis, -1 to 1: pan positive left, tilt positive up. */
export interface Deflection { pan: number; tilt: number }

const PERIOD_MS = 50;
const clamp = (value: number): number => Math.max(-1, Math.min(1, value));

/** Sum of all deflections that are held, each axis within -1 to 1. */
export function combine(held: Iterable<Deflection>): Deflection {
  let [pan, tilt] = [0, 0];
  for (const deflection of held) {
    pan += deflection.pan;
    tilt += deflection.tilt;
  }
  return { pan: clamp(pan), tilt: clamp(tilt) };
}

export class Jog {
  /** Rate at full deflection [rad/s]. */
  readonly rate = signal(0.5);
  readonly whyNot = computed(() => this.panel.whyNotControl.value);
  private readonly held = new Map<string, Deflection>();
  private timer: ReturnType<typeof setInterval> | undefined;
  private seq = 0;

  constructor(private readonly panel: Panel) {
    window.addEventListener('blur', () => this.releaseAll());
    document.addEventListener('visibilitychange', () => this.releaseAll());
    this.whyNot.subscribe((why) => { if (why !== '') this.releaseAll(); });
  }

  /** Hold a deflection from one source until it is released there; false when that is not possible now. */
  hold(source: string, deflection: Deflection): boolean {
    if (this.whyNot.peek() !== '' || !isPresent()) return false;
    this.held.set(source, deflection);
    this.timer ??= setInterval(() => this.send(), PERIOD_MS);
    this.send();
    return true;
  }

  release(source: string): void {
    if (this.held.delete(source)) this.send();
    if (this.held.size === 0) {
      clearInterval(this.timer);
      this.timer = undefined;
    }
  }

  releaseAll(): void {
    for (const source of [...this.held.keys()]) this.release(source);
  }

  /** Send the rates. A refusal has no consequence here: the status shows why the head does not move. */
  private send(): void {
    const { pan, tilt } = combine(this.held.values());
    this.seq += 1;
    this.panel.transport.call('controller/jog', {
      lease_id: this.panel.operator.lease.peek(), seq: this.seq,
      pan_rate: pan * this.rate.peek(), tilt_rate: tilt * this.rate.peek(),
    }).catch(() => undefined);
  }
}
