// SPDX-License-Identifier: Apache-2.0
/** The plan view: pan and tilt as a map with limits, zones, targets, the field of view and the head. Pure drawing. */

import { Zone, type Track } from '../../generated/interfaces';
import { degrees } from '../../state/format';
import type { Pose } from '../../video/projection';

export interface Range { left: number; right: number; bottom: number; top: number }
export interface MapSize { width: number; height: number }

export interface MapModel {
  range: Range;
  pose: Pose | null;
  /** Half angles of the camera; null = unknown, or it is fixed to the base. */
  view: Pose | null;
  zones: readonly Zone[];
  chosen: string;
  tracks: readonly Track[];
  targetId: string;
}

const MARGIN = 6;
const FONT = '11px system-ui, sans-serif';

/** From angles to the map and back; pan grows to the left, as seen from behind the head. */
export class MapScale {
  constructor(private readonly range: Range, private readonly size: MapSize) {}

  x(pan: number): number {
    const { left, right } = this.range;
    return MARGIN + ((left - pan) / (left - right)) * (this.size.width - 2 * MARGIN);
  }

  y(tilt: number): number {
    const { top, bottom } = this.range;
    return MARGIN + ((top - tilt) / (top - bottom)) * (this.size.height - 2 * MARGIN);
  }

  pose(x: number, y: number): Pose {
    const { left, right, top, bottom } = this.range;
    const clamp = (value: number, low: number, high: number): number => Math.max(low, Math.min(high, value));
    return {
      pan: clamp(left - ((x - MARGIN) / (this.size.width - 2 * MARGIN)) * (left - right), right, left),
      tilt: clamp(top - ((y - MARGIN) / (this.size.height - 2 * MARGIN)) * (top - bottom), bottom, top),
    };
  }
}

/** A text that is cut to a width [px] rather than squeezed into it. */
function label(context: CanvasRenderingContext2D, text: string, x: number, y: number, width: number): void {
  context.save();
  context.beginPath();
  context.rect(x, y - 12, width, 16);
  context.clip();
  context.font = FONT;
  context.textAlign = 'left';
  context.fillText(text, x, y);
  context.restore();
}

/** The limits of both axes at the edges of the map. */
function drawLimits(context: CanvasRenderingContext2D, size: MapSize, { left, right, bottom, top }: Range, color: string): void {
  const [middle, center] = [size.height / 2 - 4, size.width / 2 - 4];
  context.font = FONT;
  context.fillStyle = color;
  for (const [text, align, x, y] of [
    [degrees(left, 0), 'left', MARGIN + 4, middle], [degrees(right, 0), 'right', size.width - MARGIN - 4, middle],
    [degrees(top, 0), 'right', center, MARGIN + 13], [degrees(bottom, 0), 'right', center, size.height - MARGIN - 5],
  ] as const) {
    context.textAlign = align;
    context.fillText(text, x, y);
  }
}

export function drawMap(context: CanvasRenderingContext2D, size: MapSize, model: MapModel, token: (name: string) => string): void {
  const { range, pose, view, zones, chosen, tracks, targetId } = model;
  const scale = new MapScale(range, size);
  context.clearRect(0, 0, size.width, size.height);
  context.fillStyle = token('--ground');
  context.fillRect(MARGIN, MARGIN, size.width - 2 * MARGIN, size.height - 2 * MARGIN);
  context.strokeStyle = token('--line');
  context.lineWidth = 1;
  context.strokeRect(MARGIN, MARGIN, size.width - 2 * MARGIN, size.height - 2 * MARGIN);
  context.beginPath();
  context.moveTo(scale.x(0), MARGIN);
  context.lineTo(scale.x(0), size.height - MARGIN);
  context.moveTo(MARGIN, scale.y(0));
  context.lineTo(size.width - MARGIN, scale.y(0));
  context.stroke();
  for (const zone of zones) {
    const { pan_min: right = 0, pan_max: left = 0, tilt_min: bottom = 0, tilt_max: top = 0 } = zone;
    const color = token(zone.kind === Zone.KIND_ALLOWED ? '--good' : '--bad');
    const [x, y] = [scale.x(left ?? 0), scale.y(top ?? 0)];
    const [width, height] = [scale.x(right ?? 0) - x, scale.y(bottom ?? 0) - y];
    context.fillStyle = context.strokeStyle = color;
    context.globalAlpha = 0.22;
    context.fillRect(x, y, width, height);
    context.globalAlpha = 1;
    context.lineWidth = zone.name === chosen ? 2.5 : 1;
    context.strokeRect(x, y, width, height);
    if (width > 40 && height > 16) label(context, zone.name, x + 4, y + 13, width - 8);
  }
  drawLimits(context, size, range, token('--soft'));
  context.lineWidth = 1;
  for (const { id, azimuth, elevation } of tracks) {
    if (azimuth === null || elevation === null) continue;
    context.fillStyle = token(id === targetId ? '--good' : '--warning');
    context.beginPath();
    context.arc(scale.x(azimuth), scale.y(elevation), 4, 0, 2 * Math.PI);
    context.fill();
  }
  if (pose === null) return;
  context.strokeStyle = context.fillStyle = token('--accent');
  if (view !== null) {
    const [x, y] = [scale.x(pose.pan + view.pan), scale.y(pose.tilt + view.tilt)];
    context.setLineDash([4, 3]);
    context.strokeRect(x, y, scale.x(pose.pan - view.pan) - x, scale.y(pose.tilt - view.tilt) - y);
    context.setLineDash([]);
  }
  context.beginPath();
  context.arc(scale.x(pose.pan), scale.y(pose.tilt), 5, 0, 2 * Math.PI);
  context.fill();
}
