// SPDX-License-Identifier: Apache-2.0
/** Where zones of pan and tilt lie in the image. Angles in rad, frames as in turret_common/geometry.py. */

import type { Zone } from '../generated/interfaces';
import type { Point2 } from './overlay';

export interface Pose { pan: number; tilt: number }

/** A pinhole camera; its distortion is left out. */
export interface Lens { fx: number; fy: number; cx: number; cy: number; width: number; onBase: boolean }

/** Where the laser looks relative to the head, and the pixel that it hits for the present pose. */
export interface Sight { azimuth: number; elevation: number; pixel: Point2 }

/** x forward, y left, z up. */
type Vector = readonly [number, number, number];

const POINTS_PER_EDGE = 16;
/** Nothing nearer to the camera's own plane than this is drawn. */
const NEAR = 0.05;

function direction(azimuth: number, elevation: number): Vector {
  const level = Math.cos(elevation);
  return [level * Math.cos(azimuth), level * Math.sin(azimuth), Math.sin(elevation)];
}

function toBase({ pan, tilt }: Pose, [x, y, z]: Vector): Vector {
  const forward = x * Math.cos(tilt) - z * Math.sin(tilt);
  return [
    forward * Math.cos(pan) - y * Math.sin(pan), forward * Math.sin(pan) + y * Math.cos(pan),
    x * Math.sin(tilt) + z * Math.cos(tilt),
  ];
}

function toHead({ pan, tilt }: Pose, [x, y, z]: Vector): Vector {
  const forward = x * Math.cos(pan) + y * Math.sin(pan);
  return [
    forward * Math.cos(tilt) + z * Math.sin(tilt), -x * Math.sin(pan) + y * Math.cos(pan),
    -forward * Math.sin(tilt) + z * Math.cos(tilt),
  ];
}

/** Cut off what is not in front of the camera. */
function inFront(outline: readonly Vector[]): Vector[] {
  const kept: Vector[] = [];
  outline.forEach((point, i) => {
    const before = outline.at(i - 1) as Vector;
    if ((point[0] >= NEAR) !== (before[0] >= NEAR)) {
      const part = (NEAR - before[0]) / (point[0] - before[0]);
      kept.push([NEAR, before[1] + part * (point[1] - before[1]), before[2] + part * (point[2] - before[2])]);
    }
    if (point[0] >= NEAR) kept.push(point);
  });
  return kept;
}

function pixel({ fx, fy, cx, cy }: Lens, [x, y, z]: Vector): Point2 {
  return { x: cx - (fx * y) / x, y: cy - (fy * z) / x };
}

/** Pixel of a direction of the base frame, in the image that was taken at a pose; null when it is behind the camera. */
export function projectDirection(azimuth: number, elevation: number, pose: Pose, lens: Lens): Point2 | null {
  const beam = direction(azimuth, elevation);
  const seen = lens.onBase ? beam : toHead(pose, beam);
  return seen[0] < NEAR ? null : pixel(lens, seen);
}

/** Direction of the base frame that the laser has at a pose. */
export function beamDirection(pose: Pose, { azimuth, elevation }: Sight): { azimuth: number; elevation: number } {
  const [x, y, z] = toBase(pose, direction(azimuth, elevation));
  return { azimuth: Math.atan2(y, x), elevation: Math.atan2(z, Math.hypot(x, y)) };
}

/**
 * Pose at which the laser hits what is at a pixel of the image that was taken at another pose. The offset between the
 * drawn and the computed crosshair (parallax and distortion) is taken as the same everywhere.
 */
export function poseOfPixel({ x, y }: Point2, pose: Pose, lens: Lens, sight: Sight): Pose {
  const beam = direction(sight.azimuth, sight.elevation);
  const drawn = pixel(lens, lens.onBase ? toBase(pose, beam) : beam);
  const [u, v] = [x - sight.pixel.x + drawn.x, y - sight.pixel.y + drawn.y];
  const ray: Vector = [1, -(u - lens.cx) / lens.fx, -(v - lens.cy) / lens.fy];
  const [bx, by, bz] = lens.onBase ? ray : toBase(pose, ray);
  return { pan: Math.atan2(by, bx) - sight.azimuth, tilt: Math.atan2(bz, Math.hypot(bx, by)) - sight.elevation };
}

/**
 * The outline of a zone in px of the image that was taken at a pose; empty when it is behind the camera. The crosshair
 * is inside it exactly when the pose is inside the zone.
 */
export function zoneOutline(zone: Zone, pose: Pose, lens: Lens, sight: Sight): Point2[] {
  const { pan_min: left, pan_max: right, tilt_min: bottom, tilt_max: top } = zone;
  if (left === null || right === null || bottom === null || top === null) return [];
  const beam = direction(sight.azimuth, sight.elevation);
  const seen = (at: Pose): Vector => (lens.onBase ? toBase(at, beam) : toHead(pose, toBase(at, beam)));
  const corners: readonly (readonly [number, number])[] = [[left, bottom], [right, bottom], [right, top], [left, top]];
  const outline = corners.flatMap(([pan, tilt], i) => {
    const [nextPan, nextTilt] = corners[(i + 1) % corners.length] as readonly [number, number];
    return Array.from({ length: POINTS_PER_EDGE }, (_, k) => seen({
      pan: pan + (k / POINTS_PER_EDGE) * (nextPan - pan), tilt: tilt + (k / POINTS_PER_EDGE) * (nextTilt - tilt),
    }));
  });
  const aim = seen(pose);
  if (aim[0] < NEAR) return [];
  const drawn = pixel(lens, aim);
  const [dx, dy] = [sight.pixel.x - drawn.x, sight.pixel.y - drawn.y]; // parallax and distortion, as at the crosshair
  return inFront(outline).map((point) => {
    const { x, y } = pixel(lens, point);
    return { x: x + dx, y: y + dy };
  });
}

/** The newest poses with their stamps in s. */
export class PoseTrail {
  private readonly poses: { at: number; pose: Pose }[] = [];

  constructor(private readonly kept = 50) {}

  add(at: number, pose: Pose): void {
    const newest = this.poses.at(-1);
    if (newest !== undefined && at < newest.at) this.poses.length = 0; // the clock was set back
    this.poses.push({ at, pose });
    if (this.poses.length > this.kept) this.poses.shift();
  }

  /** The pose at a stamp, that of the nearest one beyond the ends; null while none is known. */
  at(stamp: number | null): Pose | null {
    const newest = this.poses.at(-1);
    if (newest === undefined) return null;
    if (stamp === null || stamp >= newest.at) return newest.pose;
    const after = this.poses.findIndex(({ at }) => at >= stamp);
    const [a, b] = [this.poses[after - 1], this.poses[after]];
    if (a === undefined || b === undefined) return b?.pose ?? null;
    const part = (stamp - a.at) / (b.at - a.at);
    return {
      pan: a.pose.pan + part * (b.pose.pan - a.pose.pan), tilt: a.pose.tilt + part * (b.pose.tilt - a.pose.tilt),
    };
  }
}
