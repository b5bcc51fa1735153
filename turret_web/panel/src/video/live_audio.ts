// SPDX-License-Identifier: Apache-2.0
/** Play the turret's live MP3 with little delay: by default a browser buffers several seconds of it first. */

import { t } from '../text';

const TYPE = 'audio/mpeg';
/** Further behind than this, playing jumps to the newest sound [s]. */
const MAX_DELAY_S = 1;
const DELAY_S = 0.3;
/** Sound that is kept after playback [s]. */
const KEPT_S = 10;

export class LiveAudio {
  private abort: AbortController | null = null;

  /** `onEnd` is called with the reason when it stops without being asked. */
  constructor(private readonly element: HTMLAudioElement, private readonly onEnd: (reason: string) => void) {}

  get isOn(): boolean {
    return this.abort !== null;
  }

  start(url: string): void {
    this.stop();
    const abort = new AbortController();
    this.abort = abort;
    if (typeof MediaSource === 'undefined' || !MediaSource.isTypeSupported(TYPE)) { // then with all of its delay
      this.element.src = url;
      this.element.play().catch(() => undefined);
      return;
    }
    const source = new MediaSource();
    source.addEventListener('sourceopen', () => {
      this.feed(url, source, abort.signal).catch((error: unknown) => {
        if (abort.signal.aborted) return;
        this.stop();
        this.onEnd((error as Error).message);
      });
    }, { once: true });
    this.element.src = URL.createObjectURL(source);
    this.element.play().catch(() => undefined); // refused or stopped: the sound then stays unheard
  }

  stop(): void {
    this.abort?.abort();
    this.abort = null;
    URL.revokeObjectURL(this.element.src);
    this.element.removeAttribute('src');
    this.element.load();
  }

  private async feed(url: string, source: MediaSource, stopped: AbortSignal): Promise<void> {
    const response = await fetch(url, { signal: stopped, cache: 'no-store' });
    if (!response.ok || response.body === null) throw new Error(((await response.json()) as { message: string }).message);
    const buffer = source.addSourceBuffer(TYPE);
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw new Error(t.problems.soundStopped);
      await changed(buffer, () => buffer.appendBuffer(value));
      if (buffer.buffered.length === 0) continue;
      const newest = buffer.buffered.end(buffer.buffered.length - 1);
      if (newest - this.element.currentTime > MAX_DELAY_S) this.element.currentTime = newest - DELAY_S;
      if (buffer.buffered.start(0) < newest - 2 * KEPT_S) await changed(buffer, () => buffer.remove(0, newest - KEPT_S));
    }
  }
}

/** Change a buffer and wait until that is done. */
function changed(buffer: SourceBuffer, change: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    buffer.addEventListener('updateend', () => resolve(), { once: true });
    buffer.addEventListener('error', () => reject(new Error(t.problems.soundUnplayable)), { once: true });
    change();
  });
}
