/** Keys for the whole page. Only Escape works while a person is typing. */

import type { Deflection, Jog } from './jog';
import type { Panel } from './panel';
import { isArmed } from './widgets/fire';
import { recallByKey } from './widgets/presets';
import { stop } from './widgets/stop';
import { toggleTracking } from './widgets/tracking';

const JOG_KEYS: Readonly<Record<string, Deflection>> = {
  ArrowLeft: { pan: 1, tilt: 0 }, ArrowRight: { pan: -1, tilt: 0 },
  ArrowUp: { pan: 0, tilt: 1 }, ArrowDown: { pan: 0, tilt: -1 },
  KeyA: { pan: 1, tilt: 0 }, KeyD: { pan: -1, tilt: 0 }, KeyW: { pan: 0, tilt: 1 }, KeyS: { pan: 0, tilt: -1 },
};

export const KEY_HELP: readonly (readonly [string, string])[] = [
  ['Esc', 'stop'],
  ['F (hold)', 'fire'],
  ['W A S D, arrows (hold)', 'jog'],
  ['T', 'tracking on or off'],
  ['1 … 9, 0', 'go to a preset'],
];

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('input:not([type="checkbox"]), select, textarea, summary');
}

export function listenToKeys(panel: Panel, jog: Jog): void {
  window.addEventListener('keydown', (event) => {
    if (event.repeat) return;
    if (event.key === 'Escape') {
      stop(panel);
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    const deflection = JOG_KEYS[event.code];
    if (deflection !== undefined) {
      jog.hold(event.code, deflection);
      event.preventDefault();
    } else if (event.code === 'KeyF') {
      if (isArmed(panel)) panel.operator.press('key');
    } else if (event.code === 'KeyT') {
      toggleTracking(panel);
    } else if (/^[0-9]$/.test(event.key)) {
      recallByKey(panel, event.key);
    }
  });
  window.addEventListener('keyup', (event) => {
    jog.release(event.code);
    if (event.code === 'KeyF') panel.operator.releaseTrigger('key');
  });
}
