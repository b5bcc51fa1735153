// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from 'vitest';

import { ReasonCode, type Heartbeat_Request, type Heartbeat_Response } from '../generated/interfaces';
import { Lease } from './lease';

const accepted = (nonce: string): Heartbeat_Response => ({ success: true, code: 0, message: '', nonce });
const refused = (code: number): Heartbeat_Response => ({ success: false, code, message: '', nonce: '' });

describe('Lease', () => {
  let lease: Lease;
  const beat = (now: number, { present = true, trigger = false } = {}): Heartbeat_Request => {
    const request = lease.beat(now, present, trigger);
    if (request === null) throw new Error('no heartbeat');
    return request;
  };

  beforeEach(() => {
    lease = new Lease();
    lease.grant('lease', 'first');
  });

  it('says nothing before it was granted and after it was cleared', () => {
    expect(new Lease().beat(0, true, true)).toBeNull();
    lease.clear();
    expect(lease.beat(0, true, true)).toBeNull();
    expect(lease.id).toBe('');
  });

  it('echoes the newest nonce, and waits for it', () => {
    const first = beat(0);
    expect(first).toEqual({ lease_id: 'lease', nonce: 'first', trigger: false });
    expect(lease.beat(50, true, false)).toBeNull();
    lease.answered(first, accepted('second'));
    expect(beat(60, { trigger: true })).toEqual({ lease_id: 'lease', nonce: 'second', trigger: true });
  });

  it('sends nothing while the operator is away', () => {
    expect(lease.beat(0, false, false)).toBeNull();
    expect(lease.beat(50, false, true)).toBeNull();
  });

  it('says once more that the trigger is released when presence ends, then nothing', () => {
    lease.answered(beat(0, { trigger: true }), accepted('second'));
    const last = beat(50, { present: false, trigger: true });
    expect(last.trigger).toBe(false);
    lease.answered(last, accepted('third'));
    expect(lease.beat(100, false, true)).toBeNull();
  });

  it('asks for a new nonce with an empty one when an answer is lost', () => {
    beat(0);
    expect(lease.beat(999, true, false)).toBeNull();
    expect(beat(1000).nonce).toBe('');
    lease.grant('lease', 'first');
    lease.unanswered(beat(0));
    expect(beat(50).nonce).toBe('');
  });

  it('takes no answer to a heartbeat that was given up', () => {
    const lost = beat(0);
    const next = beat(1000);
    lease.answered(lost, accepted('late'));
    expect(lease.beat(1010, true, false)).toBeNull();
    lease.answered(next, accepted('good'));
    expect(beat(1050).nonce).toBe('good');
  });

  it('lets an answer to an earlier lease not end the present one', () => {
    const old = beat(0);
    lease.grant('new lease', 'n');
    expect(lease.answered(old, refused(ReasonCode.OPERATOR_CHANGED))).toBe(ReasonCode.OK);
    expect(lease.id).toBe('new lease');
  });

  it.each([ReasonCode.WRONG_LEASE, ReasonCode.NO_OPERATOR, ReasonCode.OPERATOR_CHANGED])(
    'ends for reason %i, and returns it', (code) => {
      expect(lease.answered(beat(0), refused(code))).toBe(code);
      expect(lease.isHeld).toBe(false);
    });

  it('survives a replay that was refused: the next one asks for a nonce', () => {
    expect(lease.answered(beat(0), refused(ReasonCode.HEARTBEAT_REPLAYED))).toBe(ReasonCode.OK);
    expect(beat(50).nonce).toBe('');
  });

  it('continues after a gap with the nonce that a late heartbeat was given', () => {
    lease.answered(beat(0), { success: true, code: ReasonCode.HEARTBEAT_LOST, message: '', nonce: 'after the gap' });
    expect(beat(50).nonce).toBe('after the gap');
  });
});
