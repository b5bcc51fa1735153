// SPDX-License-Identifier: Apache-2.0
/** Numbers for people: the one place for units and digits. SI inside, degrees on the panel; null is "unknown". */

import type { Float, Time } from '../generated/interfaces';
import { t } from '../text';

export const UNKNOWN = '–';
export const DEGREES = 180 / Math.PI;

export function toRadians(degrees: number): number {
  return degrees / DEGREES;
}

export function number(value: Float, digits = 1, unit = ''): string {
  return value === null ? UNKNOWN : `${value.toFixed(digits)}${unit && ` ${unit}`}`;
}

export function degrees(radians: Float, digits = 1): string {
  return radians === null ? UNKNOWN : `${(radians * DEGREES).toFixed(digits)}°`;
}

export function percent(fraction: Float, digits = 0): string {
  return fraction === null ? UNKNOWN : `${(fraction * 100).toFixed(digits)} %`;
}

export function milliseconds(seconds: Float): string {
  return seconds === null ? UNKNOWN : `${(seconds * 1000).toFixed(seconds < 0.01 ? 1 : 0)} ms`;
}

export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  let value = count;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value.toFixed(unit === 0 || value >= 100 ? 0 : 1)} ${units[unit]}`;
}

/** A length of time: "3.2 s", "2:05", "1:02:05". */
export function duration(seconds: Float): string {
  if (seconds === null) return UNKNOWN;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.floor(seconds % 60)];
  const tail = `${String(m).padStart(h > 0 ? 2 : 1, '0')}:${String(s).padStart(2, '0')}`;
  return h > 0 ? `${h}:${tail}` : tail;
}

export function age(seconds: Float): string {
  return seconds === null ? t.problems.neverSeen : seconds < 60 ? `${seconds.toFixed(1)} s` : duration(seconds);
}

export function localTime(time: Time): string {
  return new Date(time.sec * 1000).toLocaleString();
}

/** Time of day of the browser's clock [ms]. */
export function clockTime(at: number): string {
  return new Date(at).toLocaleTimeString();
}

/** "1 file", "3 files". */
export function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
