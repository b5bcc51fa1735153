// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { describe, expect, it } from 'vitest';

import { bench } from '../../../test/component';
import { LaserState, ReasonCode } from '../../generated/interfaces';
import { guidance, lastDisarm, presentReasons } from '../guidance';

describe('guidance', () => {
  it('says that nothing is known while the link is lost, whatever was known last', () => {
    const { panel, status } = bench();
    status();
    expect(guidance(panel).action).toBe('takeControl');
    panel.store.connection.value = 'closed';
    expect(guidance(panel)).toMatchObject({ tone: 'bad', code: '' });
  });

  it('offers to reset the stop', () => {
    const { panel, status, turret } = bench();
    turret.call('safety/stop', {});
    status();
    expect(guidance(panel)).toMatchObject({ action: 'resetStop', code: 'SOFTWARE_STOP' });
  });
});

describe('reasons', () => {
  const { turret } = bench();
  const { laser, safety } = turret.status();

  it('gives no reason against emission while there is emission', () => {
    const firing = { ...laser, state: LaserState.STATE_FIRING, emitting: true, code: ReasonCode.BUSY };
    expect(presentReasons(firing, { ...safety, reasons: [] })).toEqual([]);
  });

  it('keeps the reason of the last disarm apart from the present ones', () => {
    const stopped = { ...laser, state: LaserState.STATE_OFF, code: ReasonCode.SOFTWARE_STOP };
    expect(presentReasons(stopped, { ...safety, reasons: [] })).toEqual([]);
    expect(lastDisarm(stopped, { ...safety, reasons: [] })).toBe(ReasonCode.SOFTWARE_STOP);
    expect(presentReasons(stopped, { ...safety, reasons: [ReasonCode.SOFTWARE_STOP] })).toEqual([ReasonCode.SOFTWARE_STOP]);
  });
});
