// SPDX-License-Identifier: Apache-2.0
/** Editing zones without overwriting what another operator saved meanwhile. Pure. */

import type { Zone } from '../generated/interfaces';

export interface Draft {
  /** The turret's zones when editing began. */
  base: readonly Zone[];
  /** The version of those, by which the turret knows whether others were saved meanwhile. */
  version: string;
  zones: readonly Zone[];
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
const named = (zones: readonly Zone[], name: string): Zone | undefined => zones.find((zone) => zone.name === name);

/** The turret's zones differ from those that the draft was made from. */
export function isConflict(draft: Draft | null, saved: readonly Zone[]): boolean {
  return draft !== null && !same(draft.base, saved) && !same(draft.zones, saved);
}

/** The turret's zones with the changes of the draft: what the draft did not touch stays as the turret has it. */
export function merged({ base, zones }: Omit<Draft, 'version'>, saved: readonly Zone[]): Zone[] {
  const untouched = (zone: Zone): boolean => same(named(base, zone.name), zone);
  const kept = saved.flatMap((zone) => {
    const [before, mine] = [named(base, zone.name), named(zones, zone.name)];
    if (mine !== undefined) return [untouched(mine) ? zone : mine];
    return before === undefined || !same(before, zone) ? [zone] : []; // removed here, unless it was changed there
  });
  const added = zones.filter((zone) => named(saved, zone.name) === undefined && !untouched(zone));
  return [...kept, ...added];
}

/** The first free "Zone N". */
export function freeName(zones: readonly Zone[], prefix: string): string {
  let number = zones.length + 1;
  while (named(zones, `${prefix} ${number}`) !== undefined) number += 1;
  return `${prefix} ${number}`;
}
