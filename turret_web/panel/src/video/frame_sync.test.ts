// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from 'vitest';

import { FrameSync } from './frame_sync';
import type { Time, Track, TrackArray } from '../generated/interfaces';

const stamp = (ms: number): Time => ({ sec: 1785000000, nanosec: ms * 1_000_000 });
const tracksOf = (ms: number, id = `at ${ms}`): TrackArray => ({
  header: { stamp: stamp(ms), frame_id: 'base_link' }, tracks: [{ id } as Track],
});

describe('FrameSync', () => {
  let discarded: string[];
  let sync: FrameSync<string>;

  beforeEach(() => {
    discarded = [];
    sync = new FrameSync((image) => discarded.push(image));
    sync.addTracks(tracksOf(0));
  });

  it('holds an image until its own tracks come', () => {
    sync.addImage('a', stamp(33), 1000);
    expect(sync.next(1010)).toBeNull();
    sync.addTracks(tracksOf(33));
    expect(sync.next(1020)).toMatchObject({ image: 'a', exact: true, tracks: [{ id: 'at 33' }] });
    expect(sync.next(1021)).toBeNull();
  });

  it('finds tracks that came before their image', () => {
    sync.addTracks(tracksOf(33));
    sync.addTracks(tracksOf(66));
    sync.addImage('a', stamp(33), 1000);
    expect(sync.next(1000)).toMatchObject({ image: 'a', exact: true, tracks: [{ id: 'at 33' }] });
  });

  it('matches stamps that lost their nanoseconds on the way', () => {
    sync.addTracks({ ...tracksOf(33), header: { stamp: { sec: 5, nanosec: 123_456_789 }, frame_id: '' } });
    sync.addImage('a', { sec: 5, nanosec: 123_456_000 }, 1000);
    expect(sync.next(1000)?.exact).toBe(true);
  });

  it('does not wait without limit: vision may skip frames', () => {
    sync.addImage('a', stamp(33), 1000);
    expect(sync.next(1119)).toBeNull();
    expect(sync.next(1120)).toMatchObject({ image: 'a', exact: false, tracks: [{ id: 'at 0' }] });
  });

  it('shows at once when no tracks come at all, or the image has no stamp', () => {
    const alone = new FrameSync<string>(() => undefined);
    alone.addImage('a', stamp(33), 1000);
    expect(alone.next(1000)).toMatchObject({ image: 'a', exact: false, tracks: [] });
    sync.addImage('b', null, 1000);
    expect(sync.next(1000)?.image).toBe('b');
  });

  it('skips to the newest complete image and discards the older ones, never a newer one', () => {
    for (const ms of [33, 66, 99]) sync.addImage(`image ${ms}`, stamp(ms), 1000);
    sync.addTracks(tracksOf(33));
    sync.addTracks(tracksOf(66));
    expect(sync.next(1001)?.image).toBe('image 66');
    expect(discarded).toEqual(['image 33']);
    sync.addTracks(tracksOf(99));
    expect(sync.next(1002)?.image).toBe('image 99');
  });

  it('bounds what it holds', () => {
    for (let i = 1; i <= 20; i += 1) sync.addImage(String(i), stamp(i), 1000);
    expect(discarded).toHaveLength(12);
  });
});
