// SPDX-License-Identifier: Apache-2.0
/** Geometry between the image and the screen. Pixels of the image: origin top-left, x right, y down. */

import type { BoundingBox, Track } from '../generated/interfaces';

export interface Point2 { x: number; y: number }
export interface Size { width: number; height: number }
export interface Rect extends Point2, Size {}

/** How much of the image is shown: 1 = all of it, around a point of the image [px]. */
export interface Zoom { factor: number; center: Point2 }

export const MAX_ZOOM = 8;

/** Where an image is on the screen, fitted whole into an area or zoomed, and how to get from one to the other. */
export class Fit {
  readonly scale: number;
  readonly left: number;
  readonly top: number;

  constructor(readonly image: Size, area: Size, zoom: Zoom | null = null) {
    const whole = Math.min(area.width / image.width, area.height / image.height);
    this.scale = whole * (zoom?.factor ?? 1);
    const center = zoom?.center ?? { x: image.width / 2, y: image.height / 2 };
    this.left = Fit.place(area.width, image.width * this.scale, center.x * this.scale);
    this.top = Fit.place(area.height, image.height * this.scale, center.y * this.scale);
  }

  /** Start of the image along one axis: its center in the middle, without a gap where it is larger than the area. */
  private static place(area: number, size: number, center: number): number {
    return size <= area ? (area - size) / 2 : Math.min(0, Math.max(area - size, area / 2 - center));
  }

  toScreen({ x, y }: Point2): Point2 {
    return { x: this.left + x * this.scale, y: this.top + y * this.scale };
  }

  /** The image point under a screen point; null outside the image. */
  toImage({ x, y }: Point2): Point2 | null {
    const point = { x: (x - this.left) / this.scale, y: (y - this.top) / this.scale };
    const inside = point.x >= 0 && point.y >= 0 && point.x < this.image.width && point.y < this.image.height;
    return inside ? point : null;
  }

  rectToScreen({ x, y, width, height }: Rect): Rect {
    return { ...this.toScreen({ x, y }), width: width * this.scale, height: height * this.scale };
  }
}

/** A bounding box as a rectangle; null where there is none. */
export function rectOf(box: BoundingBox): Rect | null {
  const { center_x: x, center_y: y, width, height } = box;
  if (x === null || y === null || width === null || height === null) return null;
  return { x: x - width / 2, y: y - height / 2, width, height };
}

/** The smallest track under an image point, with `margin` [px] of tolerance; null where there is none. */
export function trackAt(tracks: readonly Track[], point: Point2, margin: number): Track | null {
  let best: Track | null = null;
  let bestArea = Infinity;
  for (const track of tracks) {
    const rect = rectOf(track.box);
    if (rect === null) continue;
    const isInside = point.x >= rect.x - margin && point.x <= rect.x + rect.width + margin
      && point.y >= rect.y - margin && point.y <= rect.y + rect.height + margin;
    const area = rect.width * rect.height;
    if (isInside && area < bestArea) {
      best = track;
      bestArea = area;
    }
  }
  return best;
}

/** Zoom by a factor with an image point staying where it is on the screen; null when all of the image is shown. */
export function zoomed(before: Fit, zoom: Zoom | null, factor: number, at: Point2, area: Size): Zoom | null {
  const wanted = Math.min(MAX_ZOOM, (zoom?.factor ?? 1) * factor);
  if (wanted <= 1.02) return null;
  const scale = (before.scale * wanted) / (zoom?.factor ?? 1);
  const screen = before.toScreen(at);
  return {
    factor: wanted,
    center: { x: at.x + (area.width / 2 - screen.x) / scale, y: at.y + (area.height / 2 - screen.y) / scale },
  };
}
