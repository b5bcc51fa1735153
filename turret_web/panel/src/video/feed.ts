// SPDX-License-Identifier: Apache-2.0
/** Everything that the stage draws: frames with their tracks, the pose, the lens, people and the aim point. */

import { signal } from '@preact/signals';

import { videoTransport } from '../state/settings';
import type { AimTarget, PeopleArray, Time } from '../generated/interfaces';
import type { Panel } from '../state/panel';
import { t } from '../text';
import { FrameSync, MAX_WAIT_MS, type Shown } from './frame_sync';
import type { Size } from './overlay';
import { PoseTrail, beamDirection, type Lens, type Pose, type Sight } from './projection';
import { RtcStream } from './rtc_stream';
import { mjpegStream, VideoStream, type Stream, type VideoEvents } from './video_stream';

const PEOPLE_SHOWN_MS = 500;
const TARGET_SHOWN_MS = 300;
/** How often the shown rate of the images changes [ms]. */
const RATE_MS = 1000;
/** How long the trail of the laser stays [ms]. */
export const TRAIL_MS = 2500;

interface Dated<T> { value: T; at: number }

export function seconds({ sec, nanosec }: Time): number {
  return sec + nanosec * 1e-9;
}

export class Feed {
  /** Size and stamp of the frame on the screen, with its tracks; null before the first one. */
  shown: Shown<Size> | null = null;
  /** Frames per second; null = unknown. */
  readonly rate = signal<number | null>(null);
  /** When the newest frame was shown [ms]; null = none yet. */
  readonly shownAt = signal<number | null>(null);
  readonly problem = signal('');
  /** Whether pose, lens and crosshair are known, so that a pixel of the frame has a direction. */
  readonly isProjectable = signal(false);
  readonly isWebrtc = signal(false);
  readonly canChoose: boolean;
  readonly canStream = VideoStream.isSupported();
  lens: Lens | null = null;
  /** Directions of the laser in the base frame while it emitted. */
  readonly dots: { azimuth: number; elevation: number; at: number }[] = [];
  private readonly sync = new FrameSync<ImageBitmap>((image) => image.close());
  /** Called when an image is ready to be drawn. */
  onReady: () => void = () => undefined;
  private readonly mjpeg: Stream;
  private readonly webrtc: RtcStream;
  private readonly times: number[] = [];
  private readonly trail = new PoseTrail();
  private isFollowing = false;
  private ratedAt = -Infinity;
  private people: Dated<PeopleArray> | null = null;
  private target: Dated<AimTarget> | null = null;

  constructor(private readonly panel: Panel) {
    const events: VideoEvents = {
      onImage: (image, stamp) => {
        this.sync.addImage(image, stamp, performance.now());
        this.announce();
        setTimeout(() => this.announce(), MAX_WAIT_MS); // without its tracks it is drawn then
      },
      onProblem: (problem) => { this.problem.value = problem; },
    };
    this.mjpeg = mjpegStream(panel.config.video, events);
    this.webrtc = new RtcStream(panel.config.webrtc, events, (why) => {
      panel.notices.failed(t.video.fallBack(why));
      this.isWebrtc.value = false;
      this.stream();
    });
    this.canChoose = panel.config.webrtc !== '' && RtcStream.isSupported() && this.canStream;
    this.isWebrtc.value = this.canChoose && videoTransport.value === 'webrtc';
    panel.transport.subscribe('vision/tracks', (tracks) => {
      this.sync.addTracks(tracks);
      this.announce();
    });
    panel.transport.subscribe('exclusion/people', (value) => { this.people = { value, at: performance.now() }; });
    panel.transport.subscribe('controller/target', (value) => { this.target = { value, at: performance.now() }; });
  }

  /** Stream while the page can be seen. Returns what ends it. */
  start(): () => void {
    const stream = (): void => this.stream();
    document.addEventListener('visibilitychange', stream);
    stream();
    return () => {
      document.removeEventListener('visibilitychange', stream);
      this.webrtc.stop();
      this.mjpeg.stop();
    };
  }

  switchTransport(): void {
    this.isWebrtc.value = !this.isWebrtc.peek();
    videoTransport.value = this.isWebrtc.peek() ? 'webrtc' : 'mjpeg';
    this.stream();
  }

  /** The frame to draw now, if there is a new one; the caller closes it. */
  next(now: number): ImageBitmap | null {
    const next = this.sync.next(now);
    if (next === null) return null;
    const { width, height } = next.image;
    this.shown = { ...next, image: { width, height } };
    this.note(now);
    return next.image;
  }

  /** A frame without a stamp is on the screen, as from a browser that cannot stream. */
  noteUnstamped(image: Size, now: number): void {
    this.shown = { image, stamp: null, tracks: this.panel.store.status.peek()?.tracks ?? [], exact: false };
    this.note(now);
  }

  /** Subscribe to pose and lens, which only some drawings need. */
  follow(): void {
    if (this.isFollowing) return;
    this.isFollowing = true;
    const { transport } = this.panel;
    transport.subscribe('joint_states', ({ header, name, position }) => {
      const [pan, tilt] = ['pan_joint', 'tilt_joint'].map((joint) => position[name.indexOf(joint)] ?? null);
      if (typeof pan !== 'number' || typeof tilt !== 'number') return;
      this.trail.add(seconds(header.stamp), { pan, tilt });
      this.noteDot({ pan, tilt });
    });
    transport.subscribe('camera/camera_info', ({ header, width, k: [fx = 0, , cx = 0, , fy = 0, cy = 0] }) => {
      const onBase = header.frame_id.endsWith('base_camera_optical_frame');
      this.lens = fx && fy && cx !== null && cy !== null ? { fx, fy, cx, cy, width, onBase } : null;
    });
  }

  /** Pose of the head at the stamp of the frame on the screen; null while it is not known. */
  pose(): Pose | null {
    const stamp = this.shown?.stamp ?? null;
    return this.trail.at(stamp === null ? null : seconds(stamp));
  }

  /** The lens for the size of the frame on the screen. */
  lensNow(): Lens | null {
    if (this.lens === null || this.shown === null) return null;
    const factor = this.shown.image.width / this.lens.width;
    const { fx, fy, cx, cy } = this.lens;
    return { ...this.lens, fx: fx * factor, fy: fy * factor, cx: cx * factor, cy: cy * factor, width: this.shown.image.width };
  }

  /** Where the laser points in the image; null while the crosshair is not known. */
  sight(): Sight | null {
    const cross = this.panel.store.section('controller')?.crosshair;
    if (!cross || cross.x === null || cross.y === null) return null;
    return {
      azimuth: cross.boresight_azimuth ?? 0, elevation: cross.boresight_elevation ?? 0, pixel: { x: cross.x, y: cross.y },
    };
  }

  peopleNow(now: number): PeopleArray | null {
    return this.people !== null && now - this.people.at < PEOPLE_SHOWN_MS ? this.people.value : null;
  }

  targetNow(now: number): AimTarget | null {
    return this.target !== null && now - this.target.at < TARGET_SHOWN_MS && this.target.value.track_id !== ''
      ? this.target.value : null;
  }

  private announce(): void {
    if (this.sync.isReady(performance.now())) this.onReady();
  }

  private note(now: number): void {
    this.times.push(now);
    if (this.times.length > 60) this.times.shift();
    this.shownAt.value = now;
    this.isProjectable.value = this.pose() !== null && this.lensNow() !== null && this.sight() !== null;
    const recent = this.times.filter((at) => now - at < 2000);
    const [first, last] = [recent.at(0), recent.at(-1)];
    const rate = first === undefined || last === undefined || last === first
      ? null : ((recent.length - 1) * 1000) / (last - first);
    if (now - this.ratedAt < RATE_MS) return;
    this.ratedAt = now;
    this.rate.value = rate === null ? null : Math.round(rate);
  }

  private noteDot(pose: Pose): void {
    if (!this.panel.store.section('laser')?.emitting) return;
    const sight = this.sight();
    if (sight === null) return;
    this.dots.push({ ...beamDirection(pose, sight), at: performance.now() });
    if (this.dots.length > 200) this.dots.shift();
  }

  /** Stream the way that was chosen, while the page can be seen. */
  private stream(): void {
    if (!this.canStream) return;
    const isVisible = document.visibilityState === 'visible';
    const isWebrtc = this.isWebrtc.peek();
    for (const [stream, isChosen] of [[this.webrtc, isWebrtc], [this.mjpeg, !isWebrtc]] as const) {
      if (isVisible && isChosen) stream.start();
      else stream.stop();
    }
  }
}
