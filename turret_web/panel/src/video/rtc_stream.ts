// SPDX-License-Identifier: Apache-2.0
/**
 * Watch the turret over WebRTC. Each image comes with its time stamp: the stamps come over a data channel with the time
 * of each frame in the stream, of which the first frame shown, the anchor, is the origin.
 */

import type { Time } from '../generated/interfaces';
import { t } from '../text';
import { parseStamp } from './multipart';
import type { VideoEvents } from './video_stream';

const SILENCE_MS = 3000;
const CONNECT_MS = 8000;
const KEPT_STAMPS = 120;
const RTP_PERIOD = 2 ** 32;

/** Stamps of frames by their RTP times, of which only the differences are meaningful. Pure. */
export class StampTable {
  private readonly stamps = new Map<number, Time>();
  private origin: number | null = null;
  private first: { rtpTime: number } | null = null;
  private isReliable = true;

  /** Take a line `pts stamp` of the data channel. */
  add(line: string): void {
    const [pts, text] = line.split(' ');
    const stamp = parseStamp(text ?? '');
    if (stamp === null) return;
    if (this.origin === null) this.origin = Number(pts);
    else if (this.first === null) this.isReliable = false;
    this.stamps.set(Number(pts), stamp);
    if (this.stamps.size > KEPT_STAMPS) this.stamps.delete(this.stamps.keys().next().value as number);
  }

  /** A frame is shown. The first one is that of the first stamp, unless more stamps arrived before it. */
  show(rtpTime: number | undefined): void {
    this.first ??= { rtpTime: rtpTime ?? NaN };
  }

  /** Both the first frame and its stamp have arrived. */
  get isAnchored(): boolean {
    return this.first !== null && this.origin !== null;
  }

  /** Stamp of a frame; null where it is not known. */
  find(rtpTime: number | undefined): Time | null {
    if (rtpTime === undefined || this.first === null || this.origin === null || !this.isReliable) return null;
    const pts = (((rtpTime - this.first.rtpTime + this.origin) % RTP_PERIOD) + RTP_PERIOD) % RTP_PERIOD;
    return this.stamps.get(pts) ?? null;
  }
}

/** RTP time of a frame, where the browser reports it: more reliable than that of the callback, which may be for the one before. */
function rtpTimeOf(frame: VideoFrame): number | undefined {
  return (frame as VideoFrame & { metadata?: () => { rtpTimestamp?: number } }).metadata?.().rtpTimestamp;
}

export class RtcStream {
  private readonly video = document.createElement('video');
  private peer: RTCPeerConnection | null = null;
  private address: string | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** `onFailed` is called once when there is no video this way; the stream has stopped then. */
  constructor(
    private readonly url: string, private readonly events: VideoEvents, private readonly onFailed: (why: string) => void,
  ) {
    this.video.muted = true;
    this.video.playsInline = true;
  }

  static isSupported(): boolean {
    return typeof RTCPeerConnection === 'function' && typeof VideoFrame === 'function'
      && 'requestVideoFrameCallback' in HTMLVideoElement.prototype;
  }

  start(): void {
    if (this.peer !== null) return;
    const peer = new RTCPeerConnection();
    this.peer = peer;
    this.expectWithin(CONNECT_MS, t.problems.noFirstFrame);
    this.connect(peer).catch((error: unknown) => { if (this.peer === peer) this.fail((error as Error).message); });
  }

  stop(): void {
    clearTimeout(this.timer);
    this.peer?.close();
    this.peer = null;
    this.video.srcObject = null;
    if (this.address !== null) void fetch(this.address, { method: 'DELETE', keepalive: true }).catch(() => undefined);
    this.address = null;
  }

  private async connect(peer: RTCPeerConnection): Promise<void> {
    const stamps = new StampTable();
    const channel = peer.createDataChannel('stamps');
    let announced = false;
    const anchor = (): void => {
      if (announced || !stamps.isAnchored || channel.readyState !== 'open') return;
      announced = true;
      channel.send('shown');
    };
    channel.onopen = anchor;
    channel.onmessage = ({ data }) => {
      stamps.add(String(data));
      anchor();
    };
    const show = (_: number, metadata: VideoFrameCallbackMetadata): void => {
      if (this.peer !== peer) return;
      this.expectWithin(SILENCE_MS, t.problems.noFrame);
      this.video.requestVideoFrameCallback(show);
      const frame = new VideoFrame(this.video);
      const rtpTime = rtpTimeOf(frame) ?? metadata.rtpTimestamp;
      stamps.show(rtpTime);
      anchor();
      void this.deliver(frame, () => stamps.find(rtpTime));
    };
    const { receiver } = peer.addTransceiver('video', { direction: 'recvonly' });
    if ('jitterBufferTarget' in receiver) receiver.jitterBufferTarget = 0;
    peer.ontrack = ({ track }) => {
      this.video.srcObject = new MediaStream([track]);
      void this.video.play().catch(() => undefined); // A stop may precede this.
      this.video.requestVideoFrameCallback(show);
    };
    await peer.setLocalDescription();
    const answer = await fetch(this.url, {
      method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: peer.localDescription?.sdp ?? '',
      signal: AbortSignal.timeout(CONNECT_MS),
    });
    if (!answer.ok) throw new Error(t.problems.answered('WebRTC', answer.status));
    this.address = answer.headers.get('Location');
    if (this.peer !== peer) {
      this.stop();
      return;
    }
    await peer.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
  }

  /** Hand a frame over, with its stamp, which may arrive a little later than the frame. */
  private async deliver(frame: VideoFrame, stamp: () => Time | null): Promise<void> {
    const image = await createImageBitmap(frame);
    frame.close();
    if (this.peer === null) image.close();
    else this.events.onImage(image, stamp());
    this.events.onProblem('');
  }

  private expectWithin(timeMs: number, otherwise: string): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.fail(otherwise), timeMs);
  }

  private fail(why: string): void {
    this.stop();
    this.onFailed(why);
  }
}
