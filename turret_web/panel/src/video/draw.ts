// SPDX-License-Identifier: Apache-2.0
/** Drawing over the video. Colors are fixed, because they lie on the video and not on the page. */

import { SafetyState, Track, Zone, type PeopleArray } from '../generated/interfaces';
import { t } from '../text';
import { rectOf, type Fit, type Point2 } from './overlay';

const PERSON_COLOR = '#ff8a3d';
const COLORS = {
  [Track.STATE_UNKNOWN]: '#c3ccd6',
  [Track.STATE_DETECTING]: '#c3ccd6',
  [Track.STATE_TRACKING]: '#5cc8ff',
  [Track.STATE_COASTING]: '#f4b860',
  [Track.STATE_LOST]: '#f4b860',
} as const satisfies Record<number, string>;
const TARGET_COLOR = '#46e08a';
const CROSSHAIR_COLORS = { safe: '#46e08a', armed: '#f4b860', emitting: '#ffffff' } as const;
const FONT = '600 12px system-ui, sans-serif';

export type CrosshairState = keyof typeof CROSSHAIR_COLORS;
type Canvas = CanvasRenderingContext2D;

/** Run drawing commands without changing the state of the canvas. */
function isolated(context: Canvas, draw: () => void): void {
  context.save();
  draw();
  context.restore();
}

/** Width of the drawing in CSS pixels; asking the element for it would make the browser lay out the page. */
function areaWidth({ canvas }: Canvas): number {
  return canvas.width / window.devicePixelRatio;
}

const widths = new Map<string, number>();

/** Width of a text, which is measured once. */
function widthOf(context: Canvas, text: string): number {
  const known = widths.get(text);
  if (known !== undefined) return known;
  if (widths.size > 500) widths.clear();
  const { width } = context.measureText(text);
  widths.set(text, width);
  return width;
}

/** A text on a dark plate. */
function plate(context: Canvas, text: string, left: number, y: number, color: string): void {
  context.font = FONT;
  const width = widthOf(context, text) + 8;
  const x = Math.max(2, Math.min(left, areaWidth(context) - width - 2));
  context.fillStyle = 'rgb(8 12 17 / 78%)';
  context.fillRect(x - 0.5, y, width, 17);
  context.fillStyle = color;
  context.fillText(text, x + 3.5, y + 13);
}

export function drawZone(context: Canvas, outline: readonly Point2[], zone: Zone, isDraft: boolean): void {
  const isAllowed = zone.kind === Zone.KIND_ALLOWED;
  const color = isAllowed ? '70 224 138' : '255 107 107';
  isolated(context, () => {
    context.beginPath();
    for (const { x, y } of outline) context.lineTo(x, y);
    context.closePath();
    context.fillStyle = `rgb(${color} / ${isAllowed ? 6 : 18}%)`;
    context.fill();
    context.strokeStyle = `rgb(${color})`;
    context.lineWidth = 1.5;
    if (isDraft) context.setLineDash([6, 4]);
    context.stroke();
    const [x, y] = [Math.min(...outline.map((p) => p.x)), Math.min(...outline.map((p) => p.y))];
    plate(context, isAllowed ? t.zones.onlyHere(zone.name) : t.zones.never(zone.name), Math.max(x + 3, areaWidth(context) * 0.15), Math.max(y, 44) + 3, `rgb(${color})`);
  });
}

export function drawPeople(context: Canvas, fit: Fit, { people }: PeopleArray, exclusion: number): void {
  if (exclusion === SafetyState.EXCLUSION_OFF) return;
  isolated(context, () => {
    context.strokeStyle = PERSON_COLOR;
    context.lineWidth = 1.5;
    context.setLineDash([2, 3]);
    for (const { box, class_id: name } of people) {
      const rect = rectOf(box);
      if (rect === null) continue;
      const { x, y, width, height } = fit.rectToScreen(rect);
      context.strokeRect(x, y, width, height);
      plate(context, t.video.keptClear(name), x, y, PERSON_COLOR);
    }
  });
}

export function drawTrack(context: Canvas, fit: Fit, track: Track, isTarget: boolean, exact: boolean, arrow: Point2 | null): void {
  const box = rectOf(track.box);
  if (box === null || track.state === Track.STATE_LOST) return;
  const { x, y, width, height } = fit.rectToScreen(box);
  const color = isTarget ? TARGET_COLOR : COLORS[track.state as keyof typeof COLORS] ?? COLORS[Track.STATE_UNKNOWN];
  isolated(context, () => {
    context.globalAlpha = exact ? 1 : 0.6;
    for (const [stroke, lineWidth] of [['rgb(0 0 0 / 50%)', isTarget ? 4.5 : 3], [color, isTarget ? 2.5 : 1.5]] as const) {
      context.strokeStyle = stroke;
      context.lineWidth = lineWidth;
      if (track.state === Track.STATE_COASTING || track.state === Track.STATE_DETECTING) context.setLineDash([5, 4]);
      context.strokeRect(x, y, width, height);
      if (arrow !== null) drawArrow(context, { x: x + width / 2, y: y + height / 2 }, arrow);
    }
    context.globalAlpha = 1;
    const confidence = track.confidence === null ? '' : ` ${Math.round(track.confidence * 100)} %`;
    plate(context, `${track.class_id || t.video.object} ${track.id}${confidence}`, x, y >= 20 ? y - 19 : y + height + 2, color);
  });
}

function drawArrow(context: Canvas, from: Point2, to: Point2): void {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  if (length < 6) return;
  const angle = Math.atan2(to.y - from.y, to.x - from.x);
  context.beginPath();
  context.moveTo(from.x, from.y);
  context.lineTo(to.x, to.y);
  for (const side of [-0.5, 0.5]) {
    context.moveTo(to.x, to.y);
    context.lineTo(to.x - 8 * Math.cos(angle + side), to.y - 8 * Math.sin(angle + side));
  }
  context.stroke();
}

/** Where the target is predicted to be when a pulse would arrive. */
export function drawAimPoint(context: Canvas, { x, y }: Point2): void {
  isolated(context, () => {
    for (const [stroke, lineWidth] of [['rgb(0 0 0 / 55%)', 4], ['#ffd166', 1.75]] as const) {
      context.strokeStyle = stroke;
      context.lineWidth = lineWidth;
      context.beginPath();
      context.moveTo(x, y - 9);
      context.lineTo(x + 9, y);
      context.lineTo(x, y + 9);
      context.lineTo(x - 9, y);
      context.closePath();
      context.stroke();
    }
  });
}

/** Where the laser was while it emitted; `age` of each point from 0 (now) to 1 (about to vanish). */
export function drawTrail(context: Canvas, points: readonly { at: Point2; age: number }[]): void {
  isolated(context, () => {
    for (const { at: { x, y }, age } of points) {
      context.fillStyle = `rgb(255 77 79 / ${Math.round(90 * (1 - age))}%)`;
      context.beginPath();
      context.arc(x, y, 3, 0, 2 * Math.PI);
      context.fill();
    }
  });
}

export function drawCrosshair(context: Canvas, { x, y }: Point2, state: CrosshairState): void {
  isolated(context, () => {
    for (const [color, lineWidth] of [['rgb(0 0 0 / 60%)', 4.5], [CROSSHAIR_COLORS[state], 2]] as const) {
      context.strokeStyle = color;
      context.lineWidth = lineWidth;
      context.beginPath();
      context.arc(x, y, 9, 0, 2 * Math.PI);
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]] as const) {
        context.moveTo(x + 5 * dx, y + 5 * dy);
        context.lineTo(x + 22 * dx, y + 22 * dy);
      }
      if (state === 'emitting') {
        context.moveTo(x + 30, y);
        context.arc(x, y, 30, 0, 2 * Math.PI);
      }
      context.stroke();
    }
  });
}

/** The line of a drag that jogs the head, or the rectangle of two corners that are being marked. */
export function drawDrag(context: Canvas, from: Point2, to: Point2, isRectangle: boolean): void {
  isolated(context, () => {
    context.strokeStyle = '#5cc8ff';
    context.lineWidth = 2;
    if (isRectangle) {
      context.setLineDash([6, 4]);
      context.strokeRect(from.x, from.y, to.x - from.x, to.y - from.y);
      return;
    }
    context.beginPath();
    context.arc(from.x, from.y, 6, 0, 2 * Math.PI);
    context.stroke();
    drawArrow(context, from, to);
  });
}

/** The point that the arrow keys move while the video has the focus. */
export function drawCursor(context: Canvas, { x, y }: Point2): void {
  isolated(context, () => {
    context.strokeStyle = '#fff';
    context.lineWidth = 2;
    context.strokeRect(x - 7, y - 7, 14, 14);
  });
}
