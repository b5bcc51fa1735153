// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';

import type { BoundingBox, Track } from '../generated/interfaces';
import { Fit, rectOf, trackAt } from './overlay';

const box = (x: number, y: number, width: number, height: number): BoundingBox => ({
  center_x: x, center_y: y, width, height,
});
const track = (id: string, bounds: BoundingBox): Track => ({ id, box: bounds } as Track);

describe('Fit', () => {
  it.each([
    { area: { width: 1280, height: 960 }, scale: 2, left: 0, top: 0 },
    { area: { width: 1280, height: 480 }, scale: 1, left: 320, top: 0 },
    { area: { width: 320, height: 480 }, scale: 0.5, left: 0, top: 120 },
  ])('fits 640x480 whole into $area.width x $area.height', ({ area, ...expected }) => {
    expect(new Fit({ width: 640, height: 480 }, area)).toMatchObject(expected);
  });

  it('comes back to the image point from the screen point', () => {
    const fit = new Fit({ width: 640, height: 480 }, { width: 1000, height: 333 });
    for (const point of [{ x: 0, y: 0 }, { x: 17.5, y: 400.25 }, { x: 639.9, y: 479.9 }]) {
      const back = fit.toImage(fit.toScreen(point));
      expect(back?.x).toBeCloseTo(point.x, 9);
      expect(back?.y).toBeCloseTo(point.y, 9);
    }
  });

  it('knows the bars beside the image from the image', () => {
    const fit = new Fit({ width: 640, height: 480 }, { width: 1280, height: 480 });
    expect(fit.toImage({ x: 319, y: 100 })).toBeNull();
    expect(fit.toImage({ x: 320, y: 100 })).toEqual({ x: 0, y: 100 });
    expect(fit.toImage({ x: 960, y: 100 })).toBeNull();
    expect(fit.toImage({ x: 500, y: 480 })).toBeNull();
  });

  it('scales rectangles with the image', () => {
    const fit = new Fit({ width: 640, height: 480 }, { width: 320, height: 480 });
    expect(fit.rectToScreen({ x: 100, y: 100, width: 40, height: 20 })).toEqual({ x: 50, y: 170, width: 20, height: 10 });
  });
});

describe('rectOf', () => {
  it('turns center and size into a corner and size', () => {
    expect(rectOf(box(100, 50, 40, 20))).toEqual({ x: 80, y: 40, width: 40, height: 20 });
  });

  it('is nothing for a track outside the image, whose box has no center', () => {
    expect(rectOf({ center_x: null, center_y: null, width: 0, height: 0 })).toBeNull();
  });
});

describe('trackAt', () => {
  const tracks = [
    track('large', box(200, 200, 200, 200)), track('small', box(220, 220, 20, 20)),
    track('gone', { center_x: null, center_y: null, width: null, height: null }),
  ];

  it('prefers the smallest box under the point', () => {
    expect(trackAt(tracks, { x: 220, y: 220 }, 0)?.id).toBe('small');
    expect(trackAt(tracks, { x: 120, y: 120 }, 0)?.id).toBe('large');
  });

  it('is tolerant by the margin and no more', () => {
    expect(trackAt(tracks, { x: 306, y: 200 }, 6)?.id).toBe('large');
    expect(trackAt(tracks, { x: 307, y: 200 }, 6)).toBeNull();
  });
});
