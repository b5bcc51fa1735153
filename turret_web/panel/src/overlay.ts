/** Geometry between the image and the screen. Pixels of the image: origin top-left, x right, y down. */

import type { BoundingBox, Track } from './generated/interfaces';

export interface Point2 { x: number; y: number }
export interface Size { width: number; height: number }
export interface Rect extends Point2, Size {}

/** Where an image lies when it is fitted whole into an area, and how to get from one to the other. */
export class Fit {
  readonly scale: number;
  readonly left: number;
  readonly top: number;

  constructor(readonly image: Size, area: Size) {
    this.scale = Math.min(area.width / image.width, area.height / image.height);
    this.left = (area.width - image.width * this.scale) / 2;
    this.top = (area.height - image.height * this.scale) / 2;
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
