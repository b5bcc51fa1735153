// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import type { VNode } from 'preact';
import { expect, it } from 'vitest';

import { bench, settled } from '../../test/component';
import { usePanel } from './app_context';
import { Part } from './boundary';

function Fragile(): VNode {
  const { vision } = usePanel().store.status.value ?? {};
  return <p>{vision === undefined ? 'waiting' : `method ${vision.detection.method}`}</p>;
}

function Sound(): VNode {
  return <p>{`status ${usePanel().store.status.value?.seq ?? 0}`}</p>;
}

it('keeps a fault in one part from stopping the others, and reports it once', async () => {
  const { panel, turret, show, text, status } = bench();
  await show(<><Part name="Vision"><Fragile /></Part><Sound /></>);
  panel.store.status.value = { ...turret.status(), vision: null } as never;
  await settled();
  expect(text()).toContain('Vision: this part failed');
  status();
  await settled();
  expect(text()).toMatch(/status [2-9]/);
  expect(panel.notices.history.value).toHaveLength(1);
});
