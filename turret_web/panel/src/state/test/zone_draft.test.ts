// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';

import type { Zone } from '../../generated/interfaces';
import { freeName, isConflict, merged } from '../zone_draft';

const zone = (name: string, size = 1): Zone => ({ name, kind: 0, pan_min: -size, pan_max: size, tilt_min: -size, tilt_max: size });

it('sees that the zones of the turret are others than those that editing began with', () => {
  const draft = { base: [zone('A')], version: '1', zones: [zone('A'), zone('B')] };
  expect(isConflict(null, [])).toBe(false);
  expect(isConflict(draft, [zone('A')])).toBe(false);
  expect(isConflict(draft, [zone('A'), zone('C')])).toBe(true);
  expect(isConflict(draft, draft.zones)).toBe(false);
});

it('keeps the changes of both operators', () => {
  const draft = { base: [zone('A'), zone('B'), zone('D')], zones: [zone('A', 2), zone('B'), zone('mine')] };
  const saved = [zone('A'), zone('B', 3), zone('theirs')];
  expect(merged(draft, saved)).toEqual([zone('A', 2), zone('B', 3), zone('theirs'), zone('mine')]);
});

it('keeps a zone that was removed here but changed there', () => {
  expect(merged({ base: [zone('A')], zones: [] }, [zone('A', 2)])).toEqual([zone('A', 2)]);
  expect(merged({ base: [zone('A')], zones: [] }, [zone('A')])).toEqual([]);
});

it('finds a free name', () => {
  expect(freeName([zone('Zone 2')], 'Zone')).toBe('Zone 3');
  expect(freeName([], 'Zone')).toBe('Zone 1');
});
