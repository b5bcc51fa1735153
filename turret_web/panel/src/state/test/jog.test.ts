// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';

import { combine } from '../jog';

it('adds up what is held, within full deflection', () => {
  expect(combine([])).toEqual({ pan: 0, tilt: 0 });
  expect(combine([{ pan: 1, tilt: 0 }, { pan: 0, tilt: -1 }])).toEqual({ pan: 1, tilt: -1 });
  expect(combine([{ pan: 1, tilt: 0.5 }, { pan: 1, tilt: 0.25 }])).toEqual({ pan: 1, tilt: 0.75 });
  expect(combine([{ pan: 1, tilt: 0 }, { pan: -1, tilt: 0 }])).toEqual({ pan: 0, tilt: 0 });
});
