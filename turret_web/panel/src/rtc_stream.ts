/**
 * Watch the turret over WebRTC. Each image comes with its time stamp: the stamps come over a data channel with the time
 * of each picture in the stream, of which the first picture shown, the anchor, is the origin.
 */

import type { Time } from './generated/interfaces';
import { parseStamp } from './multipart';
import type { VideoEvents } from './video_stream';

const SILENCE_MS = 3000;
const CONNECT_MS = 6000;
const KEPT_STAMPS = 120;
const RTP_PERIOD = 2 ** 32;

/** Stamps of pictures by their RTP times, of which only the differences mean something. Pure. */
export class StampTable {
  private readonly stamps = new Map<number, Time>();
  private newest = 0;
  private offset: number | null = null;

  /** Take a line `pts stamp` of the data channel. */
  add(line: string): void {
    const [pts, text] = line.split(' ');
    const stamp = parseStamp(text ?? '');
    if (stamp === null) return;
    this.newest = Number(pts);
    this.stamps.set(this.newest, stamp);
    if (this.stamps.size > KEPT_STAMPS) this.stamps.delete(this.stamps.keys().next().value as number);
  }

  /** The picture shown now is the one whose stamp came last. */
  anchor(rtpTime: number): void {
    this.offset = rtpTime - this.newest;
  }

  get isAnchored(): boolean {
    return this.offset !== null;
  }

  /** Stamp of a picture; null where it is not known. */
  find(rtpTime: number | undefined): Time | null {
    if (rtpTime === undefined || this.offset === null) return null;
    const pts = (((rtpTime - this.offset) % RTP_PERIOD) + RTP_PERIOD) % RTP_PERIOD;
    return this.stamps.get(pts) ?? null;
  }
}

export class RtcStream {
  private readonly video = document.createElement('video');
  private peer: RTCPeerConnection | null = null;
  private address: string | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** `onFailed` is called once when there is no video this way; the stream has ended then. */
  constructor(
    private readonly url: string, private readonly events: VideoEvents, private readonly onFailed: (why: string) => void,
  ) {
    this.video.muted = true;
    this.video.playsInline = true;
  }

  static isSupported(): boolean {
    return typeof RTCPeerConnection === 'function' && 'requestVideoFrameCallback' in HTMLVideoElement.prototype;
  }

  start(): void {
    if (this.peer !== null) return;
    const peer = new RTCPeerConnection();
    this.peer = peer;
    this.expectWithin(CONNECT_MS, 'no picture came');
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
    channel.onmessage = ({ data }) => stamps.add(String(data));
    const { receiver } = peer.addTransceiver('video', { direction: 'recvonly' });
    if ('jitterBufferTarget' in receiver) receiver.jitterBufferTarget = 0;
    peer.ontrack = ({ track }) => {
      this.video.srcObject = new MediaStream([track]);
      void this.video.play().catch(() => undefined); // A stop may come first.
      this.video.requestVideoFrameCallback((_, metadata) => { void this.show(peer, stamps, channel, metadata); });
    };
    await peer.setLocalDescription();
    const answer = await fetch(this.url, {
      method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: peer.localDescription?.sdp ?? '',
      signal: AbortSignal.timeout(CONNECT_MS),
    });
    if (!answer.ok) throw new Error(`WebRTC answered ${answer.status}`);
    this.address = answer.headers.get('Location');
    if (this.peer !== peer) {
      this.stop();
      return;
    }
    await peer.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
  }

  private async show(
    peer: RTCPeerConnection, stamps: StampTable, channel: RTCDataChannel,
    { rtpTimestamp }: VideoFrameCallbackMetadata,
  ): Promise<void> {
    if (this.peer !== peer) return;
    this.expectWithin(SILENCE_MS, 'no image for three seconds');
    this.video.requestVideoFrameCallback((_, metadata) => { void this.show(peer, stamps, channel, metadata); });
    if (!stamps.isAnchored && channel.readyState === 'open') {
      stamps.anchor(rtpTimestamp ?? 0);
      channel.send('shown');
    }
    const image = await createImageBitmap(this.video);
    if (this.peer !== peer) image.close();
    else this.events.onImage(image, stamps.find(rtpTimestamp)); // The stamp may come a little later than the picture.
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
