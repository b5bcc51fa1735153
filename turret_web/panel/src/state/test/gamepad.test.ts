// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { afterEach, expect, it, vi } from 'vitest';

import type { Action, ActionId } from '../actions';
import { listenToGamepad } from '../gamepad';
import type { Jog } from '../jog';

afterEach(() => { vi.useRealTimers(); });

it('jogs with the stick, holds the trigger, and releases both when the gamepad is lost', () => {
  vi.useFakeTimers();
  document.hasFocus = (): boolean => true;
  const fire = { run: vi.fn(), release: vi.fn() };
  const action: Action = { id: 'fire', label: () => '', codes: [], keys: '', whyNot: () => '', ...fire };
  const jog = { hold: vi.fn(), release: vi.fn() };
  let pad: unknown = {
    id: 'pad', connected: true, mapping: 'standard', axes: [0.5, 0.05], buttons: Array.from({ length: 17 }, (_, i) => ({ value: i === 7 ? 1 : 0 })),
  };
  Object.defineProperty(navigator, 'getGamepads', { value: () => [pad], configurable: true });
  const end = listenToGamepad(new Map<ActionId, Action>([['fire', action]]), jog as unknown as Jog);
  vi.advanceTimersByTime(120);
  expect(fire.run).toHaveBeenCalledTimes(1);
  expect(jog.hold.mock.calls[0]?.[1].pan).toBeCloseTo(-0.412, 2);
  expect(jog.hold.mock.calls[0]?.[1].tilt).toBeCloseTo(0);
  pad = null;
  vi.advanceTimersByTime(60);
  expect(fire.release).toHaveBeenCalledTimes(1);
  expect(jog.release).toHaveBeenCalled();
  end();
});
