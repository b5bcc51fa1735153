// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { AxisState, LEASED, LaserState, ReasonCode, REASON_TEXTS } from '../generated/interfaces';
import { ACTIONS, SERVICES, TOPICS } from './names';
import { constantLabel, constantName, reasonName, reasonText } from '../state/reasons';

const INTERFACES = join(import.meta.dirname, '..', '..', '..', '..', 'turret_msgs');
const source = (path: string): string => readFileSync(join(INTERFACES, path), 'utf8');

describe('generated interface', () => {
  it('has every reason code of ReasonCode.msg, with its meaning', () => {
    const declared = source('msg/ReasonCode.msg').split('\n')
      .filter((line) => /^uint16 [A-Z]/.test(line))
      .map((line) => /^uint16 (\w+)=(\d+)/.exec(line)?.slice(1) ?? []);
    expect(declared.length).toBeGreaterThan(50);
    expect(Object.entries(ReasonCode).map(([name, code]) => [name, String(code)])).toEqual(declared);
    expect(Object.keys(REASON_TEXTS)).toHaveLength(declared.length);
  });

  it('knows which services and actions want the lease', () => {
    for (const [folder, ending] of [['srv', '.srv'], ['action', '.action']] as const) {
      for (const file of readdirSync(join(INTERFACES, folder))) {
        const request = source(`${folder}/${file}`).split(/^---$/m)[0] ?? '';
        const type = `turret_msgs/${folder}/${file.replace(ending, '')}`;
        expect([type, LEASED.has(type)]).toEqual([type, /^string lease_id/m.test(request)]);
      }
    }
  });

  it('covers every name that the panel uses', () => {
    for (const type of [...Object.values(TOPICS), ...Object.values(SERVICES), ...Object.values(ACTIONS)]) {
      const [owner, kind, name] = type.split('/');
      if (owner !== 'turret_msgs') continue;
      expect(source(`${kind}/${name}.${kind}`)).not.toBe('');
    }
  });
});

describe('reasons', () => {
  it('names constants by prefix, so that equal values of two enumerations are not confused', () => {
    expect(constantName(AxisState, 'SWITCH_', 3)).toBe('PRESSED');
    expect(constantName(AxisState, 'STATE_', 3)).toBe('MOVING');
    expect(constantLabel(LaserState, 'STATE_', LaserState.STATE_COOLDOWN)).toBe('Cooldown');
  });

  it('shows what it does not know as a number', () => {
    expect(reasonName(9999)).toBe('9999');
    expect(reasonText(9999)).toBe('');
  });

  it('names and explains a refusal', () => {
    expect(reasonName(ReasonCode.HEARTBEAT_LOST)).toBe('HEARTBEAT_LOST');
    expect(reasonText(ReasonCode.HEARTBEAT_LOST)).toBe('the operator\'s heartbeat is older than allowed');
  });
});
