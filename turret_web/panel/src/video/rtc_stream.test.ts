// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';

import { StampTable } from './rtc_stream';

describe('stamps of frames over WebRTC', () => {
  it('are found by the RTP time since the anchor', () => {
    const table = new StampTable();
    table.add('9000 12.250000');
    expect(table.find(5000)).toBeNull();
    table.show(4_000_000_000);
    table.add('12000 12.283333');
    expect(table.find(4_000_000_000)).toEqual({ sec: 12, nanosec: 250_000_000 });
    expect(table.find(4_000_003_000)).toEqual({ sec: 12, nanosec: 283_333_000 });
    expect(table.find(4_000_003_001)).toBeNull();
    expect(table.find(undefined)).toBeNull();
  });

  it('are found when RTP time wraps around', () => {
    const table = new StampTable();
    table.add('0 1.000000');
    table.show(2 ** 32 - 1000);
    table.add('3000 2.000000');
    expect(table.find(2000)).toEqual({ sec: 2, nanosec: 0 });
  });

  it('are found whether the first frame or its stamp arrives first', () => {
    const table = new StampTable();
    table.show(700);
    expect(table.isAnchored).toBe(false);
    table.add('90 1.000000');
    expect(table.isAnchored).toBe(true);
    table.add('3090 1.033333');
    expect(table.find(3700)).toEqual({ sec: 1, nanosec: 33_333_000 });
  });

  it('are not guessed when the first frame is uncertain', () => {
    const table = new StampTable();
    table.add('0 1.000000');
    table.add('135000 2.500000');
    table.show(700);
    expect(table.find(700)).toBeNull();
  });

  it('are forgotten, and nonsense is not kept', () => {
    const table = new StampTable();
    table.add('0 1.000000');
    table.show(0);
    table.add('x');
    for (let pts = 1; pts <= 120; pts += 1) table.add(`${pts} 2.000000`);
    expect(table.find(0)).toBeNull();
    expect(table.find(120)).toEqual({ sec: 2, nanosec: 0 });
  });
});
