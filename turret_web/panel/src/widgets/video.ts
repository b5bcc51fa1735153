/** Live video with crosshair and track boxes drawn over the very image they belong to. Click to look or to select. */

import { button, h, setData, setHidden, setText } from '../dom';
import { degrees, number } from '../format';
import { FrameSync, microseconds, type Shown } from '../frame_sync';
import { ControllerState, LaserState, SafetyState, Track, Zone, type PeopleArray, type Time } from '../generated/interfaces';
import { Fit, rectOf, trackAt, type Point2, type Size } from '../overlay';
import type { Panel, Widget } from '../panel';
import { constantLabel } from '../reasons';
import { RtcStream } from '../rtc_stream';
import { VideoStream, type VideoEvents } from '../video_stream';
import { PoseTrail, zoneOutline, type Lens } from '../zone_overlay';

/** What a click on an image point does instead of looking there; used by the set-up widgets. */
export type PickPoint = (point: Point2) => void;

/** Where the browser remembers how this user wants the video. */
const TRANSPORT_KEY = 'turret.video';
const SELECT_MARGIN_PX = 6;
const PEOPLE_SHOWN_MS = 500;
const PERSON_COLOR = '#ff8a3d';
const COLORS = {
  [Track.STATE_UNKNOWN]: '#9aa7b5',
  [Track.STATE_DETECTING]: '#9aa7b5',
  [Track.STATE_TRACKING]: '#5cc8ff',
  [Track.STATE_COASTING]: '#f4b860',
  [Track.STATE_LOST]: '#f4b860',
} as const satisfies Record<number, string>;
const TARGET_COLOR = '#46e08a';
const CROSSHAIR_COLORS = { safe: '#46e08a', armed: '#f4b860', emitting: '#ff4d4f' } as const;

export class Video implements Widget {
  readonly element: HTMLElement;
  private readonly picture = h('canvas', { class: 'picture' });
  private readonly overlay = h('canvas', { class: 'overlay', 'aria-hidden': 'true' });
  private readonly problem = h('p', { class: 'problem' });
  private readonly hint = h('p', { class: 'hint', hidden: true });
  private readonly hud = h('p', { class: 'hud', 'data-testid': 'video-hud' });
  private readonly aim = h('p', { class: 'hud aim' });
  private readonly sync = new FrameSync<ImageBitmap>((image) => image.close());
  private readonly mjpeg: VideoStream;
  private readonly webrtc: RtcStream;
  private readonly transport = button('', () => this.switchTransport(), { class: 'transport quiet' });
  private useWebrtc = false;
  private readonly shownAt: number[] = [];
  private shown: Shown<Size> | null = null;
  private pick: { hint: string; use: PickPoint } | null = null;
  private problemText = 'Waiting for video';
  private readonly trail = new PoseTrail();
  private lens: Lens | null = null;
  private isFollowing = false;
  private people: { people: PeopleArray; at: number } | null = null;

  constructor(private readonly panel: Panel) {
    const frame = h('div', {
      class: 'frame', role: 'img',
      'aria-label': 'Live video. Click a point to look there, click a box to follow it.',
      onclick: (event: MouseEvent) => this.clicked(event),
    }, this.picture, this.overlay, this.problem, this.hint, this.hud, this.aim);
    this.element = h('section', { class: 'card video', 'aria-label': 'Video' }, frame, this.transport);

    const events: VideoEvents = {
      onImage: (image, stamp) => this.sync.addImage(image, stamp, performance.now()),
      onProblem: (problem) => { this.problemText = problem; },
    };
    this.mjpeg = new VideoStream(panel.config.video, events);
    this.webrtc = new RtcStream(panel.config.webrtc, events, (why) => {
      panel.notices.failed(`WebRTC: ${why}. Going on with MJPEG.`);
      this.setTransport(false);
      this.stream();
    });
    const canChoose = panel.config.webrtc !== '' && RtcStream.isSupported() && VideoStream.isSupported();
    setHidden(this.transport, !canChoose);
    this.setTransport(canChoose && localStorage.getItem(TRANSPORT_KEY) === 'webrtc');
    panel.transport.subscribe('vision/tracks', (tracks) => this.sync.addTracks(tracks));
    panel.transport.subscribe('exclusion/people', (people) => { this.people = { people, at: performance.now() }; });
    if (VideoStream.isSupported()) this.streamWhileVisible();
    else this.fallBack(panel.config.video);
    const draw = (now: number): void => {
      this.draw(now);
      requestAnimationFrame(draw);
    };
    requestAnimationFrame(draw);
  }

  /** Use the next click for something else than looking; null returns to looking. */
  setPick(pick: { hint: string; use: PickPoint } | null): void {
    this.pick = pick;
    setText(this.hint, pick?.hint ?? '');
    setHidden(this.hint, pick === null);
  }

  update(now: number): void {
    const since = this.shownAt.at(-1);
    const isSilent = since === undefined || now - since > 1000;
    setData(this.element, 'silent', String(isSilent));
    const camera = this.panel.store.section('camera');
    const reason = camera !== null && camera.code !== 0 ? camera.message : this.problemText;
    setText(this.problem, isSilent
      ? `No video${since === undefined ? '' : ` for ${((now - since) / 1000).toFixed(0)} s`}${reason && `: ${reason}`}`
      : '');
    const controller = this.panel.store.section('controller');
    const size = this.shown?.image;
    setText(this.hud, size === undefined ? '' : `${size.width}×${size.height} · ${number(this.rate(now), 0, 'fps')}`);
    setText(this.aim, controller === null ? '' : [
      constantLabel(ControllerState, 'MODE_', controller.mode),
      controller.tracking === ControllerState.TRACKING_OFF
        ? '' : constantLabel(ControllerState, 'TRACKING_', controller.tracking),
      controller.aim_error === null ? '' : `error ${degrees(controller.aim_error, 2)}`,
    ].filter((text) => text !== '').join(' · '));
  }

  private streamWhileVisible(): void {
    document.addEventListener('visibilitychange', () => this.stream());
    this.stream();
  }

  /** Stream the way that was chosen, while the page can be seen. */
  private stream(): void {
    const isVisible = document.visibilityState === 'visible';
    for (const [stream, isChosen] of [[this.webrtc, this.useWebrtc], [this.mjpeg, !this.useWebrtc]] as const) {
      if (isVisible && isChosen) stream.start();
      else stream.stop();
    }
  }

  private switchTransport(): void {
    this.setTransport(!this.useWebrtc);
    localStorage.setItem(TRANSPORT_KEY, this.useWebrtc ? 'webrtc' : 'mjpeg');
    this.stream();
  }

  private setTransport(useWebrtc: boolean): void {
    this.useWebrtc = useWebrtc;
    setText(this.transport, useWebrtc ? 'WebRTC' : 'MJPEG');
    this.transport.title = useWebrtc
      ? 'Few bytes, little delay on a network. Click for MJPEG.'
      : 'Every picture as the camera made it. Click for WebRTC, which needs fewer bytes.';
  }

  /** A browser without streaming fetch gets a plain image: no stamps, so overlays may lag. */
  private fallBack(url: string): void {
    const image = h('img', { class: 'picture', src: url, alt: 'Live video' });
    this.picture.replaceWith(image);
    setInterval(() => {
      if (image.naturalWidth === 0) return;
      this.shownAt.splice(0, Infinity, performance.now());
      const tracks = this.panel.store.status?.tracks ?? [];
      this.shown = {
        image: { width: image.naturalWidth, height: image.naturalHeight }, stamp: null, tracks, exact: false,
      };
      this.drawOverlay(this.shown);
    }, 100);
  }

  private draw(now: number): void {
    const next = this.sync.next(now);
    if (next === null) return;
    const { width, height } = next.image;
    if (this.picture.width !== width || this.picture.height !== height) {
      Object.assign(this.picture, { width, height });
      this.element.style.setProperty('--ratio', String(width / height));
    }
    this.picture.getContext('2d')?.drawImage(next.image, 0, 0);
    next.image.close();
    this.shown = { ...next, image: { width, height } };
    setData(this.element, 'stamp', next.stamp === null ? '' : String(microseconds(next.stamp)));
    this.shownAt.push(now);
    if (this.shownAt.length > 60) this.shownAt.shift();
    this.drawOverlay(this.shown);
  }

  private rate(now: number): number | null {
    const recent = this.shownAt.filter((at) => now - at < 2000);
    const [first, last] = [recent.at(0), recent.at(-1)];
    if (first === undefined || last === undefined || last === first) return null;
    return ((recent.length - 1) * 1000) / (last - first);
  }

  private clicked(event: MouseEvent): void {
    if (this.shown === null) return;
    const bounds = this.overlay.getBoundingClientRect();
    const fit = new Fit(this.shown.image, bounds);
    const point = fit.toImage({ x: event.clientX - bounds.left, y: event.clientY - bounds.top });
    if (point === null) return;
    if (this.pick !== null) {
      this.pick.use(point);
      return;
    }
    const track = trackAt(this.shown.tracks, point, SELECT_MARGIN_PX / fit.scale);
    const controller = this.panel.store.section('controller');
    if (track === null) {
      const stamp = this.shown.stamp ?? { sec: 0, nanosec: 0 };
      void this.panel.command('controller/look_at_pixel', { x: point.x, y: point.y, stamp });
    } else {
      void this.panel.command('controller/select_target', {
        track_id: track.id, priority: controller?.priority ?? ControllerState.PRIORITY_LARGEST,
      });
    }
  }

  /** Learn where the head and its camera look, which only zones need. */
  private followPose(): void {
    if (this.isFollowing) return;
    this.isFollowing = true;
    const { transport } = this.panel;
    transport.subscribe('joint_states', ({ header, name, position }) => {
      const [pan, tilt] = ['pan_joint', 'tilt_joint'].map((joint) => position[name.indexOf(joint)] ?? null);
      if (pan !== null && tilt !== null) this.trail.add(seconds(header.stamp), { pan: pan ?? 0, tilt: tilt ?? 0 });
    });
    transport.subscribe('camera/camera_info', ({ header, width, k: [fx = 0, , cx = 0, , fy = 0, cy = 0] }) => {
      const onBase = header.frame_id.endsWith('base_camera_optical_frame');
      this.lens = fx > 0 && fy > 0 ? { fx, fy, cx, cy, width, onBase } : null;
    });
  }

  private drawZones(context: CanvasRenderingContext2D, fit: Fit, shown: Shown<Size>): void {
    const zones = this.panel.store.section('safety')?.zones ?? [];
    if (zones.length === 0) return;
    this.followPose();
    const pose = this.trail.at(shown.stamp === null ? null : seconds(shown.stamp));
    const cross = this.panel.store.section('controller')?.crosshair;
    if (pose === null || this.lens === null || !cross || cross.x === null || cross.y === null) return;
    const sight = {
      azimuth: cross.boresight_azimuth ?? 0, elevation: cross.boresight_elevation ?? 0, pixel: { x: cross.x, y: cross.y },
    };
    for (const zone of zones) {
      const outline = zoneOutline(zone, pose, scaled(this.lens, shown.image.width), sight).map((p) => fit.toScreen(p));
      if (outline.length > 2) drawZone(context, outline, zone.kind === Zone.KIND_ALLOWED, zone.name);
    }
  }

  private drawPeople(context: CanvasRenderingContext2D, fit: Fit): void {
    const isWatching = this.panel.store.section('safety')?.exclusion !== SafetyState.EXCLUSION_OFF;
    if (!isWatching || this.people === null || performance.now() - this.people.at > PEOPLE_SHOWN_MS) return;
    context.save();
    context.strokeStyle = context.fillStyle = PERSON_COLOR;
    context.lineWidth = 1.5;
    context.setLineDash([2, 3]);
    context.font = '500 11px system-ui, sans-serif';
    for (const { box, class_id: name } of this.people.people.people) {
      const rect = rectOf(box);
      if (rect === null) continue;
      const { x, y, width, height } = fit.rectToScreen(rect);
      context.strokeRect(x, y, width, height);
      context.fillText(`${name}: kept clear`, x + 3, y + 12);
    }
    context.restore();
  }

  private drawOverlay(shown: Shown<Size>): void {
    const ratio = window.devicePixelRatio;
    const { clientWidth, clientHeight } = this.overlay;
    const [width, height] = [Math.round(clientWidth * ratio), Math.round(clientHeight * ratio)];
    if (this.overlay.width !== width || this.overlay.height !== height) Object.assign(this.overlay, { width, height });
    const context = this.overlay.getContext('2d');
    if (context === null) return;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, clientWidth, clientHeight);
    const fit = new Fit(shown.image, { width: clientWidth, height: clientHeight });
    const controller = this.panel.store.section('controller');
    this.drawZones(context, fit, shown);
    this.drawPeople(context, fit);
    for (const track of shown.tracks) {
      drawTrack(context, fit, track, track.id === controller?.target_id, shown.exact);
    }
    const { x, y } = controller?.crosshair ?? { x: null, y: null };
    if (x !== null && y !== null) {
      const laser = this.panel.store.section('laser');
      const isArmed = laser !== null && laser.state !== LaserState.STATE_OFF && laser.state !== LaserState.STATE_FAULT;
      drawCrosshair(context, fit.toScreen({ x, y }), laser?.emitting ? 'emitting' : isArmed ? 'armed' : 'safe');
    }
  }
}

function seconds({ sec, nanosec }: Time): number {
  return sec + nanosec * 1e-9;
}

/** The same lens for an image of another width. */
function scaled(lens: Lens, width: number): Lens {
  const factor = width / lens.width;
  return { ...lens, fx: lens.fx * factor, fy: lens.fy * factor, cx: lens.cx * factor, cy: lens.cy * factor, width };
}

function drawZone(
  context: CanvasRenderingContext2D, outline: readonly Point2[], isAllowed: boolean, name: string,
): void {
  const color = isAllowed ? '70 224 138' : '255 107 107';
  context.save();
  context.beginPath();
  for (const { x, y } of outline) context.lineTo(x, y);
  context.closePath();
  context.fillStyle = `rgb(${color} / ${isAllowed ? 6 : 18}%)`;
  context.fill();
  context.strokeStyle = context.fillStyle = `rgb(${color})`;
  context.lineWidth = 1.25;
  context.stroke();
  const [x, y] = [Math.min(...outline.map((p) => p.x)), Math.min(...outline.map((p) => p.y))];
  context.font = '500 11px system-ui, sans-serif';
  context.fillText(isAllowed ? `${name}: only here` : `${name}: never`, Math.max(x, 4) + 4, Math.max(y, 0) + 14);
  context.restore();
}

function drawTrack(
  context: CanvasRenderingContext2D, fit: Fit, track: Track, isTarget: boolean, exact: boolean,
): void {
  const box = rectOf(track.box);
  if (box === null || track.state === Track.STATE_LOST) return;
  const { x, y, width, height } = fit.rectToScreen(box);
  const color = isTarget ? TARGET_COLOR : COLORS[track.state as keyof typeof COLORS] ?? COLORS[Track.STATE_UNKNOWN];
  context.save();
  context.globalAlpha = exact ? 1 : 0.6;
  context.strokeStyle = color;
  context.lineWidth = isTarget ? 2 : 1.25;
  if (track.state === Track.STATE_COASTING || track.state === Track.STATE_DETECTING) context.setLineDash([5, 4]);
  context.strokeRect(x, y, width, height);
  const confidence = track.confidence === null ? '' : ` ${Math.round(track.confidence * 100)} %`;
  const label = `${track.class_id || 'object'} ${track.id}${confidence}`;
  context.font = '500 11px system-ui, sans-serif';
  const labelWidth = context.measureText(label).width + 8;
  const labelY = y >= 18 ? y - 17 : y + height + 2;
  context.fillStyle = 'rgb(8 12 17 / 75%)';
  context.fillRect(x - 0.5, labelY, labelWidth, 15);
  context.fillStyle = color;
  context.fillText(label, x + 3.5, labelY + 11);
  context.restore();
}

function drawCrosshair(
  context: CanvasRenderingContext2D, { x, y }: Point2, state: keyof typeof CROSSHAIR_COLORS,
): void {
  context.save();
  for (const [color, lineWidth] of [['rgb(0 0 0 / 55%)', 4], [CROSSHAIR_COLORS[state], 1.75]] as const) {
    context.strokeStyle = color;
    context.lineWidth = lineWidth;
    context.beginPath();
    context.arc(x, y, 9, 0, 2 * Math.PI);
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]] as const) {
      context.moveTo(x + 5 * dx, y + 5 * dy);
      context.lineTo(x + 22 * dx, y + 22 * dy);
    }
    if (state === 'emitting') {
      context.moveTo(x + 30, y);
      context.arc(x, y, 30, 0, 2 * Math.PI);
    }
    context.stroke();
  }
  context.restore();
}
