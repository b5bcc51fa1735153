// SPDX-License-Identifier: Apache-2.0
/** A gamepad: left stick jogs, right trigger is the trigger, B stops, A tracks. Losing it releases everything. */

import { signal } from '@preact/signals';

import type { Action, ActionId } from './actions';
import type { Jog } from './jog';

const PERIOD_MS = 50;
const DEAD_ZONE = 0.15;
const TRIGGER_PRESSED = 0.6;
/** Buttons of the standard mapping. */
const BUTTONS: readonly (readonly [button: number, action: ActionId])[] = [
  [7, 'fire'], [1, 'stop'], [0, 'track'], [2, 'still'], [3, 'center'],
];

export const gamepadName = signal('');

function shaped(value: number): number {
  const size = Math.abs(value);
  return size < DEAD_ZONE ? 0 : (Math.sign(value) * (size - DEAD_ZONE)) / (1 - DEAD_ZONE);
}

export function listenToGamepad(actions: ReadonlyMap<ActionId, Action>, jog: Jog): () => void {
  const pressed = new Set<ActionId>();
  const release = (id: ActionId): void => {
    if (pressed.delete(id)) actions.get(id)?.release?.('gamepad');
  };
  const releaseAll = (): void => {
    for (const id of [...pressed]) release(id);
    jog.release('gamepad');
  };
  const poll = (): void => {
    const pad = document.hasFocus()
      ? navigator.getGamepads?.().find((found) => found?.connected && found.mapping === 'standard') : null;
    gamepadName.value = pad?.id ?? '';
    if (!pad) {
      releaseAll();
      return;
    }
    const [x = 0, y = 0] = pad.axes.map(shaped);
    if (x === 0 && y === 0) jog.release('gamepad');
    else jog.hold('gamepad', { pan: -x, tilt: -y });
    for (const [button, id] of BUTTONS) {
      const isDown = (pad.buttons[button]?.value ?? 0) > TRIGGER_PRESSED;
      if (!isDown) {
        release(id);
      } else if (!pressed.has(id)) {
        pressed.add(id);
        const action = actions.get(id);
        if (action?.whyNot() === '') action.run('gamepad');
      }
    }
  };
  const timer = setInterval(poll, PERIOD_MS);
  return () => {
    clearInterval(timer);
    releaseAll();
  };
}
