// SPDX-License-Identifier: Apache-2.0
/**
 * The software stop. It goes over every way there is at once, and is repeated until one of them confirms it; when none
 * does in time, the panel asks for the hardware stop.
 */

import { signal } from '@preact/signals';

export type StopState = 'idle' | 'sending' | 'delivered' | 'undelivered';

/** Without confirmation for so long, the stop counts as not delivered [ms]. */
export const CONFIRM_MS = 500;
/** How often a stop that is not confirmed is sent again [ms]. */
const REPEAT_MS = 500;
const SHOWN_MS = 4000;

/** One way to the turret. Resolves when the stop is confirmed and rejects when it is not. */
export type StopWay = () => Promise<unknown>;

export class StopSwitch {
  readonly state = signal<StopState>('idle');
  private press = 0;

  constructor(private readonly ways: readonly StopWay[]) {}

  /** Stop the turret. May be pressed again at any time. */
  send(): void {
    this.press += 1;
    const mine = this.press;
    if (this.state.peek() !== 'undelivered') this.state.value = 'sending';
    const isWaiting = (): boolean => mine === this.press && ['sending', 'undelivered'].includes(this.state.peek());
    const attempt = (): void => {
      if (!isWaiting()) return;
      for (const way of this.ways) {
        way().then(() => { if (isWaiting()) this.confirm(mine); }, () => undefined);
      }
      setTimeout(attempt, REPEAT_MS);
    };
    setTimeout(() => { if (isWaiting()) this.state.value = 'undelivered'; }, CONFIRM_MS);
    attempt();
  }

  /** Stop trying, after the operator has seen that it was not delivered. */
  giveUp(): void {
    this.press += 1;
    this.state.value = 'idle';
  }

  private confirm(mine: number): void {
    this.state.value = 'delivered';
    setTimeout(() => { if (mine === this.press && this.state.peek() === 'delivered') this.state.value = 'idle'; }, SHOWN_MS);
  }
}
