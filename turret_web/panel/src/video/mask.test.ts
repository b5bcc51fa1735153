// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';

import { colorMask } from './mask';

it('colors what the detector takes for a part of an object, and lets the video through elsewhere', () => {
  const pixels = new Uint8ClampedArray([255, 255, 255, 255, 0, 0, 0, 255]);
  colorMask(pixels);
  expect([...pixels]).toEqual([255, 0, 220, 150, 0, 0, 0, 0]);
});
