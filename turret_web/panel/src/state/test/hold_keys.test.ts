// SPDX-License-Identifier: Apache-2.0
import { expect, it, vi } from 'vitest';

import { DOUBT_MS, HoldKeys } from '../hold_keys';

it('releases a key once, when it comes up', () => {
  const release = vi.fn();
  const held = new HoldKeys();
  held.press('KeyF', 0, release);
  held.press('KeyF', 10, release);
  held.release('KeyF');
  held.release('KeyF');
  expect(release).toHaveBeenCalledTimes(1);
});

it('releases everything when no key event confirms it', () => {
  const release = vi.fn();
  const held = new HoldKeys();
  held.press('KeyA', 0, release);
  held.check(DOUBT_MS);
  expect(release).not.toHaveBeenCalled();
  held.renew(900);
  held.check(900 + DOUBT_MS);
  expect(release).not.toHaveBeenCalled();
  held.check(901 + DOUBT_MS);
  expect(release).toHaveBeenCalledTimes(1);
});

it('releases all of them although one fails', () => {
  const error = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const release = vi.fn();
  const held = new HoldKeys();
  held.press('KeyF', 0, () => { throw new Error('a fault'); });
  held.press('KeyA', 0, release);
  held.releaseAll();
  expect(release).toHaveBeenCalledTimes(1);
  expect(held.isAny).toBe(false);
  error.mockRestore();
});
