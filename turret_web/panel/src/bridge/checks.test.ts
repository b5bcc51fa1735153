// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';

import { FakeTurret } from '../../dev/fake_turret';
import { problemIn, soundStatus } from './checks';

it('finds nothing wrong with a complete status', () => {
  const status = new FakeTurret().status();
  expect(problemIn('TurretStatus', status)).toBe('');
  expect(soundStatus(status)?.problems).toEqual([]);
});

it('names the member that is missing or of another type', () => {
  const status = new FakeTurret().status();
  expect(problemIn('VisionState', { ...status.vision, detection: null })).toBe('detection is missing');
  expect(problemIn('VisionState', { ...status.vision, track_count: '3' })).toBe('track_count is not a number');
  expect(problemIn('TrackArray', { header: status.header, tracks: [{}] })).toBe('tracks[0].id is not a string');
  expect(problemIn('LaserState', { ...status.laser, power: null })).toBe('');
});

it('uses the rest of a status with a section that does not match', () => {
  const status = new FakeTurret().status();
  const sound = soundStatus({ ...status, vision: { ...status.vision, detection: null } });
  expect(sound?.problems).toEqual(['vision: detection is missing']);
  expect(sound?.status.vision_age_s).toBeNull();
  expect(sound?.status.laser_age_s).not.toBeNull();
  expect(soundStatus(null)).toBeNull();
  expect(soundStatus({ seq: 'x' })).toBeNull();
});
