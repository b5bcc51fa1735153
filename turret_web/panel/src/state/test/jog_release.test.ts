// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { expect, it } from 'vitest';

import { bench, settled } from '../../../test/component';
import { Jog } from '../jog';

it.each(['link', 'lease'])('ends when the %s is lost', async (what) => {
  const { panel, takeControl, status, jogs } = bench();
  takeControl();
  status();
  const jog = new Jog(panel);
  expect(jog.hold('key', { pan: 1, tilt: 0 })).toBe(true);
  if (what === 'link') panel.store.connection.value = 'closed';
  else panel.operator.lease.value = '';
  const count = jogs.length;
  expect(jogs.at(-1)?.['pan_rate']).toBe(0);
  await settled();
  await settled();
  expect(jogs).toHaveLength(count);
  expect(jog.hold('key', { pan: 1, tilt: 0 })).toBe(false);
});
