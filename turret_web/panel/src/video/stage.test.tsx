// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { bench, settled, type Bench } from '../../test/component';
import type { Stage as StageControls } from '../state/actions';
import * as draw from './draw';
import { Feed } from './feed';
import { Fit, zoomed } from './overlay';
import { beamDirection, poseOfPixel, projectDirection } from './projection';
import { laserTone, Stage } from './stage';

const event = (type: string, x: number, y: number, more: PointerEventInit = {}): PointerEvent => new PointerEvent(type, {
  clientX: x, clientY: y, pointerId: 1, button: 0, bubbles: true, ...more,
});
const wait = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms); });

describe('stage', () => {
  let made: Bench;
  let feed: Feed;
  let frame: HTMLElement;
  let controls: StageControls | null;

  beforeEach(async () => {
    made = bench();
    made.takeControl();
    made.status();
    feed = new Feed(made.panel);
    feed.start = () => () => undefined;
    feed.shown = { image: { width: 480, height: 360 }, stamp: null, tracks: made.turret.tracks(), exact: true };
    await made.show(<Stage feed={feed} controls={(given) => { controls = given; }}><p>bar</p></Stage>);
    frame = made.root.querySelector('.frame') as HTMLElement;
    Object.defineProperty(frame, 'clientWidth', { value: 480 });
    Object.defineProperty(frame, 'clientHeight', { value: 360 });
    frame.setPointerCapture = () => undefined;
  });
  afterEach(() => { controls = null; });

  it('looks at a point that is clicked', async () => {
    frame.dispatchEvent(event('pointerdown', 20, 20));
    frame.dispatchEvent(event('pointerup', 20, 20));
    await wait(300);
    expect(made.calls.at(-1)).toMatchObject({ name: 'controller/look_at_pixel', request: { x: 20, y: 20 } });
  });

  it('follows a box that is clicked', async () => {
    const { center_x: x, center_y: y } = feed.shown?.tracks[0]?.box ?? { center_x: 0, center_y: 0 };
    frame.dispatchEvent(event('pointerdown', x ?? 0, y ?? 0));
    frame.dispatchEvent(event('pointerup', x ?? 0, y ?? 0));
    await wait(300);
    expect(made.calls.at(-1)).toMatchObject({ name: 'controller/select_target', request: { track_id: '3' } });
  });

  it('follows the box that was clicked although it has moved on since', async () => {
    const { center_x: x, center_y: y } = feed.shown?.tracks[0]?.box ?? { center_x: 0, center_y: 0 };
    frame.dispatchEvent(event('pointerdown', x ?? 0, y ?? 0));
    feed.shown = { image: { width: 480, height: 360 }, stamp: null, tracks: [], exact: true };
    frame.dispatchEvent(event('pointerup', x ?? 0, y ?? 0));
    await wait(300);
    expect(made.calls.at(-1)).toMatchObject({ name: 'controller/select_target', request: { track_id: '3' } });
  });

  it('does not look on a double click', async () => {
    for (let i = 0; i < 2; i += 1) {
      frame.dispatchEvent(event('pointerdown', 20, 20));
      frame.dispatchEvent(event('pointerup', 20, 20));
    }
    frame.dispatchEvent(new MouseEvent('dblclick'));
    await wait(300);
    expect(made.calls).toEqual([]);
  });

  it('jogs while it is dragged, and not after', () => {
    frame.dispatchEvent(event('pointerdown', 240, 180));
    frame.dispatchEvent(event('pointermove', 330, 180));
    expect(made.jogs.at(-1)?.['pan_rate']).toBeCloseTo(-0.25);
    frame.dispatchEvent(event('pointercancel', 330, 180));
    expect(made.jogs.at(-1)?.['pan_rate']).toBeCloseTo(0);
  });

  it('gives a click to the widget that asked for it', async () => {
    const use = vi.fn();
    made.panel.picking.toggle({ owner: 'test', hint: 'Click here', corners: false, use });
    await settled();
    expect(made.text()).toContain('Click here');
    frame.dispatchEvent(event('pointerdown', 20, 30));
    frame.dispatchEvent(event('pointerup', 20, 30));
    expect(use).toHaveBeenCalledWith({ x: 20, y: 30 }, { x: 20, y: 30 });
    expect(made.panel.picking.current.value).toBeNull();
  });

  it('marks a rectangle by dragging', () => {
    const use = vi.fn();
    made.panel.picking.toggle({ owner: 'test', hint: '', corners: true, use });
    frame.dispatchEvent(event('pointerdown', 20, 30));
    frame.dispatchEvent(event('pointermove', 120, 130));
    frame.dispatchEvent(event('pointerup', 120, 130));
    expect(use).toHaveBeenCalledWith({ x: 20, y: 30 }, { x: 120, y: 130 });
    expect(made.jogs).toEqual([]);
  });

  it('zooms by wheel and by command, and moves the view instead of jogging then', async () => {
    frame.dispatchEvent(new WheelEvent('wheel', { deltaY: -400, clientX: 240, clientY: 180 }));
    await settled();
    expect(made.root.querySelector('.video')?.getAttribute('data-zoomed')).toBe('true');
    frame.dispatchEvent(event('pointerdown', 240, 180));
    frame.dispatchEvent(event('pointermove', 300, 180));
    frame.dispatchEvent(event('pointerup', 300, 180));
    expect(made.jogs).toEqual([]);
    controls?.zoomReset();
    await settled();
    expect(made.root.querySelector('.video')?.getAttribute('data-zoomed')).toBe('false');
    controls?.zoomBy(2);
    await settled();
    expect(made.root.querySelector('.video')?.getAttribute('data-zoomed')).toBe('true');
  });

  it('zooms by pinching', async () => {
    frame.dispatchEvent(event('pointerdown', 200, 180));
    frame.dispatchEvent(event('pointerdown', 280, 180, { pointerId: 2 }));
    frame.dispatchEvent(event('pointermove', 340, 180, { pointerId: 2 }));
    await settled();
    expect(made.root.querySelector('.video')?.getAttribute('data-zoomed')).toBe('true');
  });

  it('can be used with the keyboard alone', () => {
    frame.matches = (() => true) as never;
    frame.dispatchEvent(new FocusEvent('focus'));
    for (let i = 0; i < 3; i += 1) frame.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', shiftKey: true, cancelable: true }));
    frame.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', cancelable: true }));
    expect(made.calls.at(-1)).toMatchObject({ name: 'controller/look_at_pixel', request: { x: 384, y: 180 } });
  });

  it('says why a click does nothing without control', async () => {
    made.panel.operator.lease.value = '';
    frame.dispatchEvent(event('pointerdown', 20, 20));
    frame.dispatchEvent(event('pointerup', 20, 20));
    await wait(300);
    expect(made.panel.notices.history.value[0]?.message).toBe('Take control first.');
    expect(made.calls).toEqual([]);
  });
});

describe('laserTone', () => {
  it('is unknown while nothing is known', () => {
    const { laser } = bench().turret.status();
    expect(laserTone(null)).toBe('unknown');
    expect(laserTone(laser)).toBe('off');
    expect(laserTone({ ...laser, state: 2 })).toBe('armed');
    expect(laserTone({ ...laser, state: 3, emitting: true })).toBe('emitting');
  });
});

describe('zoom', () => {
  it('keeps the point under the pointer and never leaves the image', () => {
    const [image, area] = [{ width: 480, height: 360 }, { width: 480, height: 360 }];
    const whole = new Fit(image, area);
    const zoom = zoomed(whole, null, 2, { x: 100, y: 100 }, area);
    const near = new Fit(image, area, zoom);
    const { x, y } = near.toScreen({ x: 100, y: 100 });
    expect([Math.round(x), Math.round(y)]).toEqual([100, 100]);
    expect(zoomed(near, zoom, 0.4, { x: 100, y: 100 }, area)).toBeNull();
    expect(new Fit(image, area, { factor: 2, center: { x: 0, y: 0 } }).left).toBeCloseTo(0);
  });
});

describe('projection', () => {
  const lens = { fx: 400, fy: 400, cx: 240, cy: 180, width: 480, onBase: false };
  const sight = { azimuth: 0, elevation: 0, pixel: { x: 240, y: 180 } };

  it('finds the pose for a pixel and the pixel for a direction', () => {
    const pose = { pan: 0.4, tilt: 0.1 };
    const found = poseOfPixel({ x: 140, y: 130 }, pose, lens, sight);
    const { azimuth, elevation } = beamDirection(found, sight);
    const pixel = projectDirection(azimuth, elevation, pose, lens);
    expect(pixel?.x).toBeCloseTo(140, 4);
    expect(pixel?.y).toBeCloseTo(130, 4);
    expect(projectDirection(Math.PI, 0, { pan: 0, tilt: 0 }, lens)).toBeNull();
  });
});

describe('drawing', () => {
  it('draws everything within its own state', () => {
    const drawn: string[] = [];
    const context = new Proxy({ canvas: { clientWidth: 480 } }, {
      get: (target, name) => (name === 'canvas' ? target.canvas : (...args: unknown[]) => {
        drawn.push(String(name));
        return name === 'measureText' ? { width: 40 } : args.length;
      }),
      set: () => true,
    }) as unknown as CanvasRenderingContext2D;
    const { turret } = bench();
    const fit = new Fit({ width: 480, height: 360 }, { width: 480, height: 360 });
    const [track] = turret.tracks();
    const [zone] = turret.zones;
    if (track === undefined || zone === undefined) throw new Error('the imitated turret has no track or zone');
    draw.drawZone(context, [{ x: 0, y: 0 }, { x: 9, y: 0 }, { x: 9, y: 9 }], zone, true);
    draw.drawPeople(context, fit, { people: [{ class_id: 'person', box: track.box }] } as never, 1);
    draw.drawTrack(context, fit, track, true, true, { x: 100, y: 100 });
    draw.drawAimPoint(context, { x: 5, y: 5 });
    draw.drawTrail(context, [{ at: { x: 1, y: 1 }, age: 0.5 }]);
    draw.drawCrosshair(context, { x: 5, y: 5 }, 'emitting');
    draw.drawDrag(context, { x: 0, y: 0 }, { x: 50, y: 50 }, false);
    draw.drawDrag(context, { x: 0, y: 0 }, { x: 50, y: 50 }, true);
    draw.drawCursor(context, { x: 5, y: 5 });
    expect(drawn.filter((name) => name === 'save').length).toBe(drawn.filter((name) => name === 'restore').length);
    expect(drawn).toContain('fillText');
  });
});
