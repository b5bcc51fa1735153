// SPDX-License-Identifier: Apache-2.0
/** Bring each image together with what was detected in it. Time is an argument, in milliseconds. */

import type { Time, Track, TrackArray } from '../generated/interfaces';

export interface Shown<Image> {
  image: Image;
  stamp: Time | null;
  /** Tracks of this very image, or the newest ones where its own have not come. */
  tracks: readonly Track[];
  /** The tracks belong to this image. */
  exact: boolean;
}

interface Waiting<Image> {
  image: Image;
  stamp: Time | null;
  since: number;
}

/** How long an image waits for its tracks [ms]. */
export const MAX_WAIT_MS = 120;
const KEPT_TRACKS = 30;
const KEPT_IMAGES = 8;

/** A stamp in whole microseconds: exact in a double, and all that some video servers send. */
export function microseconds(stamp: Time): number {
  return stamp.sec * 1e6 + Math.floor(stamp.nanosec / 1000);
}

function isSame(a: Time, b: Time): boolean {
  return Math.abs(microseconds(a) - microseconds(b)) <= 1;
}

export class FrameSync<Image> {
  private waiting: Waiting<Image>[] = [];
  private tracks: TrackArray[] = [];

  constructor(private readonly discard: (image: Image) => void) {}

  addImage(image: Image, stamp: Time | null, now: number): void {
    this.waiting.push({ image, stamp, since: now });
    while (this.waiting.length > KEPT_IMAGES) this.drop();
  }

  addTracks(tracks: TrackArray): void {
    this.tracks.push(tracks);
    if (this.tracks.length > KEPT_TRACKS) this.tracks.shift();
  }

  /** Whether an image is ready to be shown. */
  isReady(now: number): boolean {
    return this.newest(now) !== -1;
  }

  /** The newest image that is ready to be shown, once; older ones are discarded. */
  next(now: number): Shown<Image> | null {
    const at = this.newest(now);
    for (let dropped = 0; dropped < at; dropped += 1) this.drop();
    const found = at === -1 ? undefined : this.waiting.shift();
    if (found === undefined) return null;
    const own = this.ownTracks(found);
    return {
      image: found.image,
      stamp: found.stamp,
      tracks: (own ?? this.tracks.at(-1))?.tracks ?? [],
      exact: own !== undefined,
    };
  }

  /** Index of the newest image that is ready to be shown; -1 = there is none. */
  private newest(now: number): number {
    return this.waiting.findLastIndex((waiting) => this.isImpatient(waiting, now) || this.ownTracks(waiting) !== undefined);
  }

  private ownTracks({ stamp }: Waiting<Image>): TrackArray | undefined {
    return stamp === null ? undefined : this.tracks.findLast((tracks) => isSame(tracks.header.stamp, stamp));
  }

  /** Without tracks at all (vision is down, or the server sends no stamps) nothing is worth waiting for. */
  private isImpatient(candidate: Waiting<Image>, now: number): boolean {
    return candidate.stamp === null || this.tracks.length === 0 || now - candidate.since >= MAX_WAIT_MS;
  }

  private drop(): void {
    const dropped = this.waiting.shift();
    if (dropped !== undefined) this.discard(dropped.image);
  }
}
