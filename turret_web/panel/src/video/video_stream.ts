// SPDX-License-Identifier: Apache-2.0
/**
 * Read the turret's MJPEG video with `fetch()`, so that each image comes with its time stamp. It runs in a worker
 * (`video_worker.ts`) where there are any, which leaves the page its thread.
 */

import type { Time } from '../generated/interfaces';
import { t } from '../text';
import { MultipartParser, boundaryOf, type Part } from './multipart';

export interface VideoEvents {
  onImage: (image: ImageBitmap, stamp: Time | null) => void;
  /** Empty when all is well. */
  onProblem: (problem: string) => void;
}

/** Something that delivers images while it is started. */
export interface Stream {
  start(): void;
  stop(): void;
}

/** Messages to the worker. */
export interface WorkerOrder { url: string; isOn: boolean }
/** What the worker says. */
export interface WorkerReport { image?: ImageBitmap; stamp?: Time | null; problem?: string }

/** The video at an address, read by a worker where there are any. */
export function mjpegStream(url: string, events: VideoEvents): Stream {
  if (typeof Worker !== 'function') return new VideoStream(url, events);
  const worker = new Worker(new URL('./video_worker.ts', import.meta.url), { type: 'module' });
  const tell = (isOn: boolean): void => {
    isWanted = isOn;
    worker.postMessage({ url: new URL(url, location.href).href, isOn } satisfies WorkerOrder);
  };
  let isWanted = false;
  worker.onmessage = ({ data: { image, stamp = null, problem } }: MessageEvent<WorkerReport>) => {
    if (!isWanted) image?.close();
    else if (image !== undefined) events.onImage(image, stamp);
    if (problem !== undefined) events.onProblem(problem);
  };
  worker.onerror = (event) => events.onProblem(event.message);
  return { start: () => tell(true), stop: () => tell(false) };
}

const SILENCE_MS = 3000;
const RETRY_MS = 1000;

export class VideoStream implements Stream {
  private abort: AbortController | null = null;
  private decoding = false;
  private next: Part | null = null;

  constructor(private readonly url: string, private readonly events: VideoEvents) {}

  static isSupported(): boolean {
    return 'body' in Response.prototype && typeof createImageBitmap === 'function';
  }

  /** Stream until {@link stop}, reconnecting when it breaks. */
  start(): void {
    if (this.abort !== null) return;
    this.abort = new AbortController();
    void this.run(this.abort.signal);
  }

  stop(): void {
    this.abort?.abort();
    this.abort = null;
  }

  private async run(stopped: AbortSignal): Promise<void> {
    while (!stopped.aborted) {
      try {
        await this.read(stopped);
      } catch (error) {
        if (stopped.aborted) return;
        this.events.onProblem((error as Error).message);
      }
      await new Promise((resolve) => { setTimeout(resolve, RETRY_MS); });
    }
  }

  /** Read one response to its end. */
  private async read(stopped: AbortSignal): Promise<void> {
    const silent = new AbortController();
    const giveUp = (): void => silent.abort(new Error(t.problems.noFrame));
    let timer = setTimeout(giveUp, SILENCE_MS);
    try {
      const response = await fetch(this.url, { signal: AbortSignal.any([stopped, silent.signal]), cache: 'no-store' });
      if (!response.ok || response.body === null) throw new Error(t.problems.answered(t.video.title, response.status));
      const parser = new MultipartParser(boundaryOf(response.headers.get('content-type') ?? ''));
      const reader = response.body.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) throw new Error(t.problems.videoStopped);
        const newest = parser.push(value).at(-1);
        if (newest === undefined) continue;
        clearTimeout(timer);
        timer = setTimeout(giveUp, SILENCE_MS);
        if (newest.notice === null) void this.decode(newest);
        else this.events.onProblem(newest.notice);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Decode one image at a time; while one is being decoded only the newest waits. */
  private async decode(part: Part): Promise<void> {
    this.next = part;
    if (this.decoding) return;
    this.decoding = true;
    while (this.next !== null) {
      const waiting: Part = this.next;
      const { body, stamp } = waiting;
      this.next = null;
      try {
        const image = await createImageBitmap(new Blob([body], { type: waiting.type }));
        this.events.onImage(image, stamp);
        this.events.onProblem('');
      } catch {
        this.events.onProblem(t.problems.undecodable);
      }
    }
    this.decoding = false;
  }
}
