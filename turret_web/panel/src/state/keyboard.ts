// SPDX-License-Identifier: Apache-2.0
/** Keys for the whole page. While a person is typing only Escape works. */

import type { Action } from './actions';
import { HoldKeys } from './hold_keys';
import type { Windows } from './windows';

const CHECK_MS = 100;

/** The focused control uses the key itself. */
function isTakenBy(target: EventTarget | null, code: string): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.matches('input:not([type="checkbox"], [type="range"]), select, textarea')) return true;
  return /^Arrow|^Home|^End/.test(code) && target.matches('input, summary, [role="tab"], [role="menuitem"], [data-own-arrows]');
}

function isText(target: EventTarget | null): target is HTMLElement {
  return target instanceof HTMLElement && target.matches('input:not([type="checkbox"], [type="range"]), textarea');
}

/** The action of a button that is held, when the key is one that presses buttons. */
function heldButton({ target, key }: KeyboardEvent): string | undefined {
  if (key !== ' ' && key !== 'Enter') return undefined;
  return target instanceof HTMLElement ? target.closest<HTMLElement>('button[data-hold]')?.dataset['hold'] : undefined;
}

function matches(action: Action, code: string): boolean {
  return action.codes.some((wanted) => wanted === code || (wanted === 'Digit*' && /^Digit\d$/.test(code)));
}

export interface KeyboardOptions {
  actions: Iterable<Action>;
  windows: Windows;
  /** Called for Escape when nothing was open. */
  stop: () => void;
  /** Single-key shortcuts are on. */
  areShortcutsOn: () => boolean;
}

/** Listen to the keys of a window. Returns what ends it. */
export function listenToKeys({ actions, windows, stop, areShortcutsOn }: KeyboardOptions): () => void {
  const held = new HoldKeys();
  const all = [...actions];
  const releaseAll = (): void => held.releaseAll();

  /** Close what is open or leave the field; otherwise stop. What is held is released in any case. */
  const closeOrStop = (event: KeyboardEvent): void => {
    const wasHolding = held.isAny;
    releaseAll();
    if (event.repeat) return;
    if (!wasHolding && windows.closeTop()) return;
    if (!wasHolding && isText(event.target)) event.target.blur();
    else stop();
  };

  const down = (event: KeyboardEvent): void => {
    held.renew(event.timeStamp);
    if (event.key === 'Escape') {
      closeOrStop(event);
      return;
    }
    if (event.key === 'Meta' || event.metaKey || event.ctrlKey || event.altKey) {
      releaseAll();
      return;
    }
    if (isTakenBy(event.target, event.code)) return;
    const button = heldButton(event);
    const action = all.find((candidate) => (button === undefined ? matches(candidate, event.code) : candidate.id === button));
    if (action === undefined || (button === undefined && !areShortcutsOn() && !event.code.startsWith('Arrow') && event.code !== 'F1')) return;
    const isPossible = action.whyNot() === '';
    if (event.code.startsWith('Arrow') && !isPossible) return; // the page scrolls
    event.preventDefault();
    if (event.repeat || !isPossible) return;
    action.run('key', event.code);
    const { release } = action;
    if (release !== undefined) held.press(event.code, event.timeStamp, () => release('key'));
  };
  const up = (event: KeyboardEvent): void => {
    held.renew(event.timeStamp);
    if (event.key === 'Meta' || event.metaKey) releaseAll();
    held.release(event.code);
  };

  window.addEventListener('keydown', down);
  window.addEventListener('keyup', up);
  window.addEventListener('blur', releaseAll);
  window.addEventListener('contextmenu', releaseAll);
  document.addEventListener('visibilitychange', releaseAll);
  const timer = setInterval(() => held.check(performance.now()), CHECK_MS);
  return () => {
    clearInterval(timer);
    releaseAll();
    window.removeEventListener('keydown', down);
    window.removeEventListener('keyup', up);
    window.removeEventListener('blur', releaseAll);
    window.removeEventListener('contextmenu', releaseAll);
    document.removeEventListener('visibilitychange', releaseAll);
  };
}
