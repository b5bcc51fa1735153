// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';

import { mask, rangeOfColor } from './mask';

const RED = [220, 20, 30, 255];
const MAROON = [30, 2, 3, 255];
const BLUE = [20, 40, 220, 255];
const GRAY = [128, 128, 128, 255];

function matches(color: Parameters<typeof rangeOfColor>[0]): boolean[] {
  const pixels = new Uint8ClampedArray([...RED, ...MAROON, ...BLUE, ...GRAY]);
  const count = mask(pixels, rangeOfColor(color));
  const found = [0, 1, 2, 3].map((i) => pixels[4 * i + 3] !== 0);
  expect(found.filter(Boolean)).toHaveLength(count);
  return found;
}

describe('the mask of the balloon detector', () => {
  it('is every saturated color that is bright enough', () => {
    expect(matches({ color: 'saturated', min_saturation: 0.5, min_value: 0.2 })).toEqual([true, false, true, false]);
  });

  it('is every pixel below a brightness', () => {
    expect(matches({ color: 'dark', max_dark_value: 0.24 })).toEqual([false, true, false, false]);
  });

  it('is the taught color, with a hue that wraps around red', () => {
    const taught = { color: 'taught', hue_range: 0.05, saturation: 0.8, saturation_range: 0.3, value: 0.8, value_range: 0.3 };
    expect(matches({ ...taught, hue: 0.0 })).toEqual([true, false, false, false]);
    expect(matches({ ...taught, hue: 0.66 })).toEqual([false, false, true, false]);
  });
});
