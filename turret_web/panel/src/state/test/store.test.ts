// SPDX-License-Identifier: Apache-2.0
import { effect } from '@preact/signals';
import { beforeEach, describe, expect, it } from 'vitest';

import type { LaserState, TurretStatus } from '../../generated/interfaces';
import { SECTION_NAMES } from '../../bridge/sections';
import { Store } from '../store';

const laser = (sec: number, emitting = false): LaserState => ({
  header: { stamp: { sec, nanosec: 0 }, frame_id: '' }, emitting,
} as LaserState);

function status(laserState: LaserState, laserAge: number | null, period = 0.5): TurretStatus {
  const ages = Object.fromEntries(SECTION_NAMES.map((name) => [`${name}_age_s`, 0.1]));
  const sections = Object.fromEntries(SECTION_NAMES.map((name) => [name, laser(1)]));
  return { ...sections, ...ages, period_s: period, laser: laserState, laser_age_s: laserAge } as unknown as TurretStatus;
}

describe('Store', () => {
  let store: Store;

  beforeEach(() => { store = new Store(); });

  it('knows nothing at first, and calls that stale', () => {
    expect(store.section('laser')).toBeNull();
    expect(store.sectionAge('laser', 0)).toBeNull();
    expect(store.isSectionOld('laser', 0)).toBe(true);
    expect(store.isStale(0)).toBe(true);
  });

  it('lets the age of a section grow from what the status reported', () => {
    store.acceptStatus(status(laser(1), 0.2), 10_000);
    expect(store.sectionAge('laser', 10_000)).toBeCloseTo(0.2);
    expect(store.sectionAge('laser', 11_000)).toBeCloseTo(1.2);
    expect(store.isSectionOld('laser', 11_000)).toBe(false);
    expect(store.isSectionOld('laser', 11_400)).toBe(true);
  });

  it('calls nothing old while a replay is paused', () => {
    store.acceptStatus(status(laser(1), 0.2), 10_000);
    store.isPaused.value = true;
    expect(store.isStale(99_000)).toBe(false);
    expect(store.isSectionOld('laser', 99_000)).toBe(false);
    store.isPaused.value = false;
    expect(store.isStale(99_000)).toBe(true);
    expect(store.isSectionOld('laser', 99_000)).toBe(true);
  });

  it('shows a dead node as growing age, however many statuses repeat its last state', () => {
    for (let i = 0; i < 20; i += 1) store.acceptStatus(status(laser(1), 0.1 + i * 0.5), 10_000 + i * 500);
    expect(store.sectionAge('laser', 19_500)).toBeCloseTo(9.6);
  });

  it('forgets a section that its node never sent', () => {
    store.acceptStatus(status(laser(1), null), 10_000);
    expect(store.section('laser')).toBeNull();
  });

  it('takes the newer of the status and the node itself', () => {
    store.acceptStatus(status(laser(1), 0.1), 10_000);
    store.acceptSection('laser', laser(2, true), 10_200);
    expect(store.section('laser')?.emitting).toBe(true);
    store.acceptStatus(status(laser(1), 0.6), 10_500);
    expect(store.section('laser')?.emitting).toBe(true);
    store.acceptStatus(status(laser(3), 0.1), 11_000);
    expect(store.section('laser')?.emitting).toBe(false);
  });

  it('does not take the latched message of a dead node as new', () => {
    store.acceptSection('laser', laser(1, true), 9_900);
    expect(store.section('laser')).toBeNull();
    store.acceptStatus(status(laser(1), 30), 10_000);
    store.acceptSection('laser', laser(1), 10_010);
    expect(store.sectionAge('laser', 10_010)).toBeCloseTo(30.01);
  });

  it.each([[0.5, 1500], [0.25, 750], [0, 1500]])('is stale after three missed periods of %f s', (period, limit) => {
    store.acceptStatus(status(laser(1), 0.1, period), 10_000);
    expect(store.isStale(10_000 + limit)).toBe(false);
    expect(store.isStale(10_001 + limit)).toBe(true);
  });

  it('is stale as soon as the connection is lost, and shows nothing as current then', () => {
    store.connection.value = 'open';
    store.now.value = 10_000;
    store.acceptStatus(status(laser(1, true), 0.1), 10_000);
    expect(store.stale.value).toBe(false);
    expect(store.current('laser')?.emitting).toBe(true);
    store.connection.value = 'closed';
    expect(store.stale.value).toBe(true);
    expect(store.current('laser')).toBeNull();
    expect(store.section('laser')?.emitting).toBe(true);
  });

  it('takes every section although what shows one of them fails', () => {
    store.acceptStatus(status(laser(1), 0.1), 10_000);
    let count = 0;
    const end = effect(() => {
      void store.section('camera');
      count += 1;
      if (count > 1) throw new Error('a widget');
    });
    expect(() => store.acceptStatus(status(laser(2, true), 0.1), 10_500)).toThrow('a widget');
    expect(store.section('laser')?.emitting).toBe(true);
    expect(store.sectionAge('bag', 10_500)).toBeCloseTo(0.1);
    end();
  });

  it('shows numbers five times a second, and what matters at once', () => {
    const at = (sec: number, power: number, emitting = false): LaserState => ({ ...laser(sec, emitting), state: 0, duty: power } as LaserState);
    store.acceptStatus(status(at(1, 0.1), 0.1), 10_000);
    store.acceptSection('laser', at(2, 0.2), 10_100);
    expect(store.section('laser')?.duty).toBe(0.2);
    store.acceptSection('laser', at(3, 0.3), 10_150);
    expect(store.section('laser')?.duty).toBe(0.2);
    store.acceptSection('laser', at(4, 0.4, true), 10_160);
    expect(store.section('laser')).toMatchObject({ duty: 0.4, emitting: true });
    store.acceptSection('laser', at(5, 0.5, true), 10_380);
    expect(store.section('laser')?.duty).toBe(0.5);
  });
});
