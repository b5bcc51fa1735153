// SPDX-License-Identifier: Apache-2.0
/** What this browser remembers: theme, name, switches. */

import { effect, signal, type Signal } from '@preact/signals';

function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // storage is blocked
  }
}

/** A text that is kept in the browser. */
export function remembered(key: string, initial: string): Signal<string> {
  const value = signal(read(key) ?? initial);
  effect(() => {
    try {
      if (value.value !== initial || read(key) !== null) localStorage.setItem(key, value.value);
    } catch {
      // it then lasts as long as the page
    }
  });
  return value;
}

export type Theme = 'auto' | 'light' | 'dark';

/** The operator's name; empty = not asked yet. */
export const operatorName = remembered('turret.operator-name', '');
export const theme = remembered('turret.theme', 'auto');
/** Single-key shortcuts: "on" or "off". Escape always works. */
export const shortcuts = remembered('turret.shortcuts', 'on');
/** The tour was seen: "yes" or "no". */
export const tourSeen = remembered('turret.tour-seen', 'no');
/** "webrtc" or "mjpeg". */
export const videoTransport = remembered('turret.video', 'mjpeg');
/** Raw parameter names: "on" or "off". */
export const expertNames = remembered('turret.expert-names', 'off');

/** A name for this browser, e.g. "Chrome on Linux". */
export function deviceName(agent: string): string {
  const browser = ([['Edg/', 'Edge'], ['Firefox/', 'Firefox'], ['Chrome/', 'Chrome'], ['Safari/', 'Safari']] as const)
    .find(([mark]) => agent.includes(mark))?.[1] ?? 'Browser';
  const system = ([
    ['Android', 'Android'], ['iPhone', 'iPhone'], ['iPad', 'iPad'], ['Mac OS', 'Mac'], ['Windows', 'Windows'],
    ['Linux', 'Linux'],
  ] as const).find(([mark]) => agent.includes(mark))?.[1];
  return system === undefined ? browser : `${browser} on ${system}`;
}
