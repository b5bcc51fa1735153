// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { CONFIRM_MS, StopSwitch } from '../stop';

describe('StopSwitch', () => {
  beforeEach(() => { vi.useFakeTimers(); });
  afterEach(() => { vi.useRealTimers(); });

  it('uses every way and shows that it was delivered', async () => {
    const dead = vi.fn(() => new Promise(() => undefined));
    const alive = vi.fn(() => Promise.resolve());
    const stop = new StopSwitch([dead, alive]);
    stop.send();
    expect(stop.state.value).toBe('sending');
    await vi.advanceTimersByTimeAsync(1);
    expect([dead.mock.calls.length, alive.mock.calls.length]).toEqual([1, 1]);
    expect(stop.state.value).toBe('delivered');
  });

  it('shows within half a second that it was not delivered, and repeats until it is', async () => {
    let isDead = true;
    const way = vi.fn(() => (isDead ? Promise.reject(new Error('not connected')) : Promise.resolve()));
    const stop = new StopSwitch([way]);
    stop.send();
    await vi.advanceTimersByTimeAsync(CONFIRM_MS + 1);
    expect(stop.state.value).toBe('undelivered');
    isDead = false;
    await vi.advanceTimersByTimeAsync(1000);
    expect(way.mock.calls.length).toBeGreaterThan(1);
    expect(stop.state.value).toBe('delivered');
  });
});
