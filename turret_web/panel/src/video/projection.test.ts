// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';

import { Zone } from '../generated/interfaces';
import { PoseTrail, zoneOutline, type Lens, type Pose, type Sight } from './projection';

const LENS: Lens = { fx: 500, fy: 500, cx: 320, cy: 240, width: 640, onBase: false };
const AHEAD: Sight = { azimuth: 0, elevation: 0, pixel: { x: 320, y: 240 } };
const zone = (pan_min: number, pan_max: number, tilt_min: number, tilt_max: number): Zone => ({
  name: 'zone', kind: Zone.KIND_NO_FIRE, pan_min, pan_max, tilt_min, tilt_max,
});

function isInside(outline: readonly { x: number; y: number }[], { x, y }: { x: number; y: number }): boolean {
  return outline.reduce((inside, a, i) => {
    const b = outline.at(i - 1) as { x: number; y: number };
    const crosses = (a.y > y) !== (b.y > y) && x < a.x + ((y - a.y) / (b.y - a.y)) * (b.x - a.x);
    return crosses ? !inside : inside;
  }, false);
}

describe('zoneOutline', () => {
  it('draws what is left of the head left of the middle, and what is above it above', () => {
    const outline = zoneOutline(zone(0.1, 0.2, 0.1, 0.2), { pan: 0, tilt: 0 }, LENS, AHEAD);
    for (const { x, y } of outline) {
      expect(x).toBeLessThan(320 - 500 * Math.tan(0.1) + 1e-6);
      expect(y).toBeLessThan(240 - 500 * Math.tan(0.1) + 1e-6);
    }
    expect(outline[0]?.x).toBeCloseTo(320 - 500 * Math.tan(0.1), 6);
  });

  it.each([
    { pose: { pan: 0.3, tilt: -0.1 }, inside: true }, { pose: { pan: 0.19, tilt: -0.1 }, inside: false },
    { pose: { pan: 0.41, tilt: -0.1 }, inside: false }, { pose: { pan: 0.3, tilt: 0.01 }, inside: false },
    { pose: { pan: 0.21, tilt: -0.19 }, inside: true }, { pose: { pan: 0.3, tilt: -0.21 }, inside: false },
  ])('has the crosshair inside exactly when the pose is: $pose', ({ pose, inside }) => {
    const sight: Sight = { azimuth: 0.05, elevation: -0.02, pixel: { x: 300, y: 260 } };
    for (const onBase of [false, true]) {
      const outline = zoneOutline(zone(0.2, 0.4, -0.2, 0), pose, { ...LENS, onBase }, sight);
      expect(isInside(outline, sight.pixel)).toBe(inside);
    }
  });

  it('draws nothing of what is behind, and only the front of what surrounds', () => {
    expect(zoneOutline(zone(3, 3.2, -0.1, 0.1), { pan: 0, tilt: 0 }, LENS, AHEAD)).toEqual([]);
    const around = zoneOutline(zone(-3, 3, 0.2, 0.3), { pan: 0, tilt: 0 }, LENS, AHEAD);
    expect(around.length).toBeGreaterThan(4);
    for (const { x, y } of around) expect(Number.isFinite(x) && Number.isFinite(y)).toBe(true);
  });
});

describe('PoseTrail', () => {
  const pose = (pan: number): Pose => ({ pan, tilt: -pan });

  it('gives the pose between two', () => {
    const trail = new PoseTrail();
    expect(trail.at(1)).toBeNull();
    trail.add(1, pose(0));
    trail.add(2, pose(1));
    expect(trail.at(1.25)).toEqual(pose(0.25));
    expect(trail.at(0)).toEqual(pose(0));
    expect(trail.at(3)).toEqual(pose(1));
    expect(trail.at(null)).toEqual(pose(1));
  });

  it('starts again when the clock is set back, and forgets', () => {
    const trail = new PoseTrail(2);
    trail.add(10, pose(1));
    trail.add(5, pose(0.5));
    expect(trail.at(10)).toEqual(pose(0.5));
    for (const at of [6, 7, 8]) trail.add(at, pose(at));
    expect(trail.at(6)).toEqual(pose(7));
  });
});
