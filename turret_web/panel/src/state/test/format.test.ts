// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';

import { age, bytes, degrees, duration, milliseconds, number, percent, toRadians, UNKNOWN } from '../format';

describe('format', () => {
  it('shows what is unknown as unknown, never as zero', () => {
    for (const show of [number, degrees, percent, milliseconds, duration]) expect(show(null)).toBe(UNKNOWN);
    expect(age(null)).toBe('never seen');
  });

  it('shows degrees for radians, and back', () => {
    expect(degrees(Math.PI / 2)).toBe('90.0°');
    expect(degrees(toRadians(-12.34), 2)).toBe('-12.34°');
  });

  it.each([[0, '0.0 s'], [59.94, '59.9 s'], [60, '1:00'], [125, '2:05'], [3725, '1:02:05']])(
    'shows %f s as %s', (seconds, text) => { expect(duration(seconds)).toBe(text); });

  it.each([[0, '0 B'], [999, '999 B'], [1500, '1.5 kB'], [123_456_789, '123 MB']])(
    'shows %i bytes as %s', (count, text) => { expect(bytes(count)).toBe(text); });

  it('keeps a digit where milliseconds are few', () => {
    expect(milliseconds(0.0061)).toBe('6.1 ms');
    expect(milliseconds(0.25)).toBe('250 ms');
  });
});
