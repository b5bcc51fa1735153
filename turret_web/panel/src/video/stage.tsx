// SPDX-License-Identifier: Apache-2.0
/**
 * The video with everything that is used with the eye on it. Click to look, click a box to follow it, drag to jog,
 * wheel or pinch to zoom, double click for full screen; with the keyboard: focus the video, arrows move a cursor, Enter.
 */

import { effect, untracked, useComputed, useSignal } from '@preact/signals';
import type { ComponentChildren, VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

import { ControllerState, LaserState } from '../generated/interfaces';
import type { Stage as StageControls } from '../state/actions';
import { remembered } from '../state/settings';
import { t } from '../text';
import { useApp } from '../ui/app_context';
import {
  drawAimPoint, drawCrosshair, drawCursor, drawDrag, drawPeople, drawTrack, drawTrail, drawZone,
} from './draw';
import { TRAIL_MS, type Feed } from './feed';
import { microseconds } from './frame_sync';
import { Mask } from './mask';
import { Fit, trackAt, zoomed, type Point2, type Zoom } from './overlay';
import { projectDirection, zoneOutline } from './projection';
import { draftZones } from '../widgets/zones/draft_signal';

const SELECT_MARGIN_PX = 6;
/** A pointer that moved farther is a drag [px]. */
const DRAG_PX = 8;
/** A click waits so long for a second one [ms]. */
const DOUBLE_CLICK_MS = 220;
const ARROW_S = 0.5;
const CURSOR_STEP = 0.02;

/** What is drawn over the video: "all", or "little" for crosshair and boxes only. */
export const layers = remembered('turret.layers', 'all');

/** A press of the pointer, with the frame on the screen at its start. */
interface Drag { id: number; from: Point2; to: Point2; moved: boolean; jogs: boolean; panned: Point2; shown: Feed['shown'] }

interface Props {
  feed: Feed;
  /** Receives the controls of zoom and full screen. */
  controls: (stage: StageControls | null) => void;
  children: ComponentChildren;
}

export function Stage({ feed, controls, children }: Props): VNode {
  const { panel, jog } = useApp();
  const { store } = panel;
  const root = useRef<HTMLElement>(null);
  const frame = useRef<HTMLDivElement>(null);
  const still = useRef<HTMLCanvasElement>(null);
  const overlay = useRef<HTMLCanvasElement>(null);
  const zoom = useSignal<Zoom | null>(null);
  const pick = panel.picking.current.value;

  useEffect(() => {
    const [area, image, drawn, section] = [frame.current, still.current, overlay.current, root.current];
    if (area === null || drawn === null || section === null) return undefined;
    const pointers = new Map<number, Point2>();
    let drag: Drag | null = null;
    let pinch = 0;
    let cursor: Point2 | null = null;
    let firstCorner: Point2 | null = null;
    const mask = new Mask(panel, () => wake());
    const endMask = mask.start();
    let clickTimer: ReturnType<typeof setTimeout> | undefined;

    const size = (): { width: number; height: number } => ({ width: area.clientWidth, height: area.clientHeight });
    // Kept for painting, because asking for it in every frame makes the browser lay out the page.
    let areaSize = size();
    const fitNow = (within = size()): Fit | null => (feed.shown === null ? null : new Fit(feed.shown.image, within, zoom.peek()));
    const local = ({ clientX, clientY }: MouseEvent): Point2 => {
      const { left, top } = area.getBoundingClientRect();
      return { x: clientX - left, y: clientY - top };
    };

    const placeImage = (): void => {
      const now = fitNow(areaSize);
      if (now === null || feed.shown === null) return;
      const whole = new Fit(feed.shown.image, areaSize);
      const factor = now.scale / whole.scale;
      const pixels = area.querySelector<HTMLElement>('.pixels');
      if (pixels === null) return;
      const transform = factor === 1
        ? '' : `translate(${now.left - factor * whole.left}px, ${now.top - factor * whole.top}px) scale(${factor})`;
      if (pixels.style.transform !== transform) pixels.style.transform = transform;
    };
    const zoomAt = (factor: number, screen: Point2): void => {
      const before = fitNow();
      if (before === null) return;
      const at = before.toImage(screen) ?? { x: before.image.width / 2, y: before.image.height / 2 };
      zoom.value = zoomed(before, zoom.peek(), factor, at, size());
    };
    const middle = (): Point2 => ({ x: area.clientWidth / 2, y: area.clientHeight / 2 });
    const toggleFullScreen = (): void => {
      if (document.fullscreenElement) void document.exitFullscreen();
      else void section.requestFullscreen?.().catch(() => panel.notices.failed(t.video.noFullScreen));
    };
    controls({
      zoomBy: (factor) => zoomAt(factor, middle()), zoomReset: () => { zoom.value = null; }, toggleFullScreen,
    });

    /** Use a point of a frame: for the request of a widget, to follow the box there, or to look there. */
    const use = (point: Point2, shown = feed.shown): void => {
      const request = panel.picking.current.peek();
      if (request !== null) {
        if (!request.corners) {
          panel.picking.cancel();
          request.use(point, point);
        } else if (firstCorner === null) {
          firstCorner = point;
        } else {
          panel.picking.cancel();
          request.use(firstCorner, point);
          firstCorner = null;
        }
        return;
      }
      const why = panel.whyNotControl.peek();
      if (why !== '') {
        panel.notices.failed(why);
        return;
      }
      const now = fitNow();
      if (shown === null || now === null) return;
      const track = trackAt(shown.tracks, point, SELECT_MARGIN_PX / now.scale);
      if (track === null) {
        void panel.command('controller/look_at_pixel', { ...point, stamp: shown.stamp ?? { sec: 0, nanosec: 0 } });
      } else {
        const priority = store.section('controller')?.priority ?? ControllerState.PRIORITY_LARGEST;
        void panel.command('controller/select_target', { track_id: track.id, priority });
      }
    };

    const endDrag = (): void => {
      if (drag !== null) jog.release('video');
      drag = null;
      wake();
    };
    const down = (event: PointerEvent): void => {
      if (event.button !== 0) return;
      area.setPointerCapture(event.pointerId);
      const at = local(event);
      pointers.set(event.pointerId, at);
      if (pointers.size === 1) {
        drag = { id: event.pointerId, from: at, to: at, moved: false, jogs: false, panned: at, shown: feed.shown };
        return;
      }
      endDrag();
      const [a, b] = [...pointers.values()];
      pinch = a !== undefined && b !== undefined ? Math.hypot(a.x - b.x, a.y - b.y) : 0;
    };
    const move = (event: PointerEvent): void => {
      const at = local(event);
      if (pointers.has(event.pointerId)) pointers.set(event.pointerId, at);
      const [a, b] = [...pointers.values()];
      if (a !== undefined && b !== undefined) {
        const spread = Math.hypot(a.x - b.x, a.y - b.y);
        if (pinch > 0) zoomAt(spread / pinch, { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
        pinch = spread;
        return;
      }
      if (panel.picking.current.peek()?.corners && firstCorner !== null && drag === null) cursor = null;
      if (drag === null || drag.id !== event.pointerId) return;
      drag.to = at;
      if (!drag.moved && Math.hypot(at.x - drag.from.x, at.y - drag.from.y) < DRAG_PX) return;
      drag.moved = true;
      const now = fitNow();
      wake();
      if (panel.picking.current.peek() !== null || now === null) return;
      const view = zoom.peek();
      if (view !== null) {
        const center = {
          x: view.center.x - (at.x - drag.panned.x) / now.scale, y: view.center.y - (at.y - drag.panned.y) / now.scale,
        };
        zoom.value = { ...view, center };
        drag.panned = at;
        return;
      }
      const reach = Math.min(area.clientWidth, area.clientHeight) / 2;
      drag.jogs = jog.hold('video', { pan: -(at.x - drag.from.x) / reach, tilt: -(at.y - drag.from.y) / reach });
    };
    const up = (event: PointerEvent): void => {
      pointers.delete(event.pointerId);
      const ended = drag;
      endDrag();
      const now = fitNow();
      if (ended === null || ended.id !== event.pointerId || now === null) return;
      const point = now.toImage(local(event));
      const request = panel.picking.current.peek();
      if (request?.corners && ended.moved) {
        const start = now.toImage(ended.from);
        panel.picking.cancel();
        if (start !== null && point !== null) request.use(start, point);
        return;
      }
      if (ended.moved || point === null) return;
      clearTimeout(clickTimer);
      if (request !== null) use(point);
      else if (event.detail < 2) clickTimer = setTimeout(() => use(point, ended.shown), DOUBLE_CLICK_MS);
    };
    const cancel = (event: PointerEvent): void => {
      pointers.delete(event.pointerId);
      endDrag();
    };
    const double = (): void => {
      clearTimeout(clickTimer);
      if (panel.picking.current.peek() === null) toggleFullScreen();
    };
    const wheel = (event: WheelEvent): void => {
      event.preventDefault();
      zoomAt(Math.exp(-event.deltaY / 400), local(event));
    };
    const focus = (): void => {
      if (!area.matches(':focus-visible') || feed.shown === null) return;
      area.dataset['ownArrows'] = '';
      const { width, height } = feed.shown.image;
      cursor = { x: width / 2, y: height / 2 };
      wake();
    };
    const blur = (): void => {
      delete area.dataset['ownArrows'];
      cursor = null;
      endDrag();
    };
    const key = (event: KeyboardEvent): void => {
      if (cursor === null || feed.shown === null) return;
      const { width, height } = feed.shown.image;
      const step = width * CURSOR_STEP * (event.shiftKey ? 5 : 1);
      const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [0, 0];
      if (dx !== 0 || dy !== 0) {
        cursor = {
          x: Math.max(0, Math.min(width - 1, cursor.x + (dx ?? 0) * step)),
          y: Math.max(0, Math.min(height - 1, cursor.y + (dy ?? 0) * step)),
        };
      } else if (event.key === 'Enter') {
        use(cursor);
      } else {
        return;
      }
      wake();
      event.preventDefault();
    };

    const paint = (now: number): void => {
      const shown = feed.shown;
      const view = fitNow(areaSize);
      if (shown === null || view === null) return;
      const ratio = window.devicePixelRatio;
      const { width: w, height: h } = areaSize;
      const [width, height] = [Math.round(w * ratio), Math.round(h * ratio)];
      if (drawn.width !== width || drawn.height !== height) Object.assign(drawn, { width, height });
      const context = drawn.getContext('2d');
      if (context === null) return;
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.clearRect(0, 0, w, h);
      const masked = mask.now(now);
      if (masked !== null) {
        const whole = view.rectToScreen({ x: 0, y: 0, ...shown.image });
        context.imageSmoothingEnabled = false;
        context.drawImage(masked, whole.x, whole.y, whole.width, whole.height);
      }
      const controller = store.section('controller');
      const safety = store.section('safety');
      const isFull = layers.peek() === 'all';
      const draft = draftZones.peek();
      const zones = draft ?? safety?.zones ?? [];
      const target = feed.targetNow(now);
      if (zones.length > 0 || target !== null || store.section('laser')?.emitting || shown.tracks.length > 0) feed.follow();
      const [pose, lens, sight] = [feed.pose(), feed.lensNow(), feed.sight()];
      if (pose !== null && lens !== null && sight !== null && (isFull || draft !== null)) {
        for (const zone of zones) {
          const outline = zoneOutline(zone, pose, lens, sight).map((point) => view.toScreen(point));
          if (outline.length > 2) drawZone(context, outline, zone, draft !== null);
        }
      }
      const people = feed.peopleNow(now);
      if (people !== null && safety !== null && isFull) drawPeople(context, view, people, safety.exclusion);
      for (const track of shown.tracks) {
        let arrow: Point2 | null = null;
        const { azimuth, elevation, azimuth_rate: da, elevation_rate: de, box } = track;
        if (isFull && pose !== null && lens !== null && azimuth !== null && elevation !== null && box.center_x !== null && box.center_y !== null) {
          const [a, b] = [
            projectDirection(azimuth, elevation, pose, lens),
            projectDirection(azimuth + (da ?? 0) * ARROW_S, elevation + (de ?? 0) * ARROW_S, pose, lens),
          ];
          if (a !== null && b !== null) arrow = view.toScreen({ x: box.center_x + b.x - a.x, y: box.center_y + b.y - a.y });
        }
        drawTrack(context, view, track, track.id === controller?.target_id, shown.exact, arrow);
      }
      if (isFull && pose !== null && lens !== null) {
        const points = feed.dots.flatMap(({ azimuth, elevation, at }) => {
          const age = (now - at) / TRAIL_MS;
          const point = age < 1 ? projectDirection(azimuth, elevation, pose, lens) : null;
          return point === null ? [] : [{ at: view.toScreen(point), age }];
        });
        drawTrail(context, points);
        if (target !== null && target.azimuth !== null && target.elevation !== null) {
          const point = projectDirection(target.azimuth, target.elevation, pose, lens);
          if (point !== null) drawAimPoint(context, view.toScreen(point));
        }
      }
      const { x, y } = controller?.crosshair ?? { x: null, y: null };
      if (x !== null && y !== null) {
        const laser = store.current('laser');
        const isArmed = laser !== null && laser.state !== LaserState.STATE_OFF && laser.state !== LaserState.STATE_FAULT;
        drawCrosshair(context, view.toScreen({ x, y }), laser?.emitting ? 'emitting' : isArmed ? 'armed' : 'safe');
      }
      if (drag?.moved && (drag.jogs || panel.picking.current.peek()?.corners)) {
        drawDrag(context, drag.from, drag.to, panel.picking.current.peek()?.corners ?? false);
      } else if (firstCorner !== null) {
        drawCursor(context, view.toScreen(firstCorner));
      }
      if (cursor !== null) drawCursor(context, view.toScreen(cursor));
    };

    // A frame is asked for only when there is something new to draw: an idle one costs the browser a layout as well.
    let request = 0;
    const wake = (): void => { if (request === 0) request = requestAnimationFrame(animate); };
    const animate = (): void => {
      request = 0;
      const now = performance.now();
      const bitmap = feed.next(now);
      if (!feed.canStream) wake();
      if (bitmap === null) {
        paint(now);
        return;
      }
      const { width, height } = bitmap;
      if (image !== null && (image.width !== width || image.height !== height)) {
        Object.assign(image, { width, height });
        section.style.setProperty('--ratio', String(width / height));
      }
      image?.getContext('bitmaprenderer')?.transferFromImageBitmap(bitmap);
      const stamp = feed.shown?.stamp ?? null;
      section.dataset['stamp'] = stamp === null ? '' : String(microseconds(stamp));
      placeImage();
      paint(now);
    };
    feed.onReady = wake;
    wake();
    const resized = new ResizeObserver(() => {
      areaSize = size();
      placeImage();
      paint(performance.now());
    });
    resized.observe(area);
    const stopPlacing = effect(() => {
      void zoom.value;
      void store.current('laser')?.emitting; // the crosshair shows it, also without a new frame
      untracked(() => {
        placeImage();
        paint(performance.now());
      });
    });
    const stopPicking = effect(() => { if (panel.picking.current.value === null) firstCorner = null; });
    const endStream = feed.start();
    const listeners: readonly (readonly [string, (event: never) => void])[] = [
      ['pointerdown', down], ['pointermove', move], ['pointerup', up], ['pointercancel', cancel],
      ['lostpointercapture', cancel], ['dblclick', double], ['focus', focus], ['blur', blur], ['keydown', key],
    ];
    for (const [name, listener] of listeners) area.addEventListener(name, listener as EventListener);
    area.addEventListener('wheel', wheel, { passive: false });
    return () => {
      feed.onReady = () => undefined;
      cancelAnimationFrame(request);
      clearTimeout(clickTimer);
      resized.disconnect();
      stopPlacing();
      stopPicking();
      endStream();
      endMask();
      endDrag();
      controls(null);
      for (const [name, listener] of listeners) area.removeEventListener(name, listener as EventListener);
      area.removeEventListener('wheel', wheel);
    };
  }, [feed]);

  const isPicking = pick !== null;
  return (
    <section
      ref={root} class="video" aria-label={t.video.title} data-laser={laserTone(store.current('laser'))}
      data-picking={isPicking} data-zoomed={zoom.value !== null}
    >
      <div class="frame" ref={frame} tabIndex={0} role="application" aria-label={t.video.help}>
        {feed.canStream
          ? <canvas class="pixels" ref={still} />
          : <PlainVideo feed={feed} url={panel.config.video} />}
        <canvas class="overlay" ref={overlay} />
        <Silence feed={feed} />
      </div>
      {pick === null ? null : (
        <p class="hint" role="status">
          {pick.hint} <button type="button" onClick={() => panel.picking.cancel()}>{t.fields.cancel}</button>
        </p>
      )}
      {children}
    </section>
  );
}

/** State of the laser for the frame of the video: "unknown", "off", "armed" or "emitting". */
export function laserTone(laser: LaserState | null): string {
  if (laser === null) return 'unknown';
  if (laser.emitting) return 'emitting';
  return laser.state === LaserState.STATE_OFF || laser.state === LaserState.STATE_FAULT ? 'off' : 'armed';
}

/** The line over the video that says since when there is none. */
function Silence({ feed }: { feed: Feed }): VNode | null {
  const { store } = useApp().panel;
  const isSilent = useComputed(() => feed.shownAt.value === null || store.now.value - feed.shownAt.value > 1000);
  if (!isSilent.value) return null;
  const now = store.now.value;
  const since = feed.shownAt.value;
  const camera = store.section('camera');
  const reason = camera !== null && camera.code !== 0 ? camera.message : feed.problem.value || t.video.waiting;
  return <p class="problem">{t.video.none(since === null ? null : (now - since) / 1000, reason)}</p>;
}

/** For a browser without streaming fetch: a plain image without stamps, so overlays may lag. */
function PlainVideo({ feed, url }: { feed: Feed; url: string }): VNode {
  const image = useRef<HTMLImageElement>(null);
  useEffect(() => {
    const timer = setInterval(() => {
      const { naturalWidth: width = 0, naturalHeight: height = 0 } = image.current ?? {};
      if (width > 0) feed.noteUnstamped({ width, height }, performance.now());
    }, 100);
    return () => clearInterval(timer);
  }, [feed]);
  return <img class="pixels" ref={image} src={url} alt={t.video.title} />;
}
