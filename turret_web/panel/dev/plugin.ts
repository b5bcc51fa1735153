// SPDX-License-Identifier: Apache-2.0
/**
 * `npm run dev`: the panel with the imitated back end, or in front of a running turret with TURRET=http://host:8000.
 * The imitation is steered by GET /dev/ctl: set=path&v=json, freeze=1, offline=1, latency=ms, backend=n, zones=json,
 * faults=json, role=viewer, replay=1, reset=1, block=ways that a stop
 * does not take: main, second, http.
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Plugin } from 'vite';
import { WebSocketServer, type WebSocket } from 'ws';

import { FakeTurret, HEIGHT, WIDTH } from './fake_turret.ts';
import { png } from './png.ts';

const NAMESPACE = '/turret';
const FAST_MS = 40;
const FRAME_MS = 66;
const SERVICES = [
  'camera/capture_still', 'camera/start_recording', 'camera/stop_recording', 'camera/list_media', 'camera/rename_media', 'camera/delete_media',
  'vision/teach_color', 'controller/set_mode', 'controller/set_boresight', 'gimbal/set_enabled', 'gimbal/set_home', 'gimbal/access_registers',
  'safety/set_zones', 'safety/set_auto_fire', 'bag/list', 'bag/start', 'bag/delete', 'bag/rename', 'bag/mark', 'bag/start_replay', 'bag/stop_replay',
];
const REPLAY_SERVICES = ['replay/seek', 'replay/seek_event', 'replay/list_events', 'replay/set_gap_skipping'];
const ACTIONS = [
  'controller/run_pattern', 'controller/calibrate_boresight', 'controller/measure_delay', 'controller/auto_tune', 'controller/check_bearings',
  'camera/calibrate', 'gimbal/home', 'gimbal/calibrate',
];

interface Op { op: string; id?: string; topic?: string; service?: string; action?: string; args?: Record<string, unknown>; throttle_rate?: number }

function json(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
  response.end(JSON.stringify(value));
}

class FakeGateway {
  private turret = new FakeTurret();
  private readonly sockets = new WebSocketServer({ noServer: true });
  private isOffline = false;
  private role = 'operator';
  private hasFleet = false;
  /** Ways that lose a stop: "main" and "second" connection, "http". */
  private blocked: readonly string[] = [];
  private readonly pixels = new Uint8Array(WIDTH * HEIGHT * 3);
  private frame: { at: number; data: Buffer } | null = null;
  private readonly origins = new WeakMap<WebSocket, { label: string; page: string }>();

  constructor() {
    setInterval(() => this.turret.update(), FAST_MS).unref();
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (this.isOffline) {
      socket.destroy();
      return;
    }
    const { searchParams } = new URL(request.url ?? '/', 'http://localhost');
    this.sockets.handleUpgrade(request, socket, head, (client) => {
      this.origins.set(client, { label: searchParams.get('label') ?? '', page: searchParams.get('page') ?? '' });
      this.serve(client);
    });
  }

  private serve(client: WebSocket): void {
    const timers = new Map<string, ReturnType<typeof setInterval>>();
    const send = (value: unknown): void => {
      const deliver = (): void => { if (!this.isOffline && client.readyState === client.OPEN) client.send(JSON.stringify(value)); };
      if (this.turret.latencyMs > 0) setTimeout(deliver, this.turret.latencyMs);
      else deliver();
    };
    client.on('close', () => { for (const timer of timers.values()) clearInterval(timer); });
    client.on('message', (data) => {
      if (this.isOffline) return;
      const op = JSON.parse(String(data)) as Op;
      const name = (full = ''): string => full.replace(`${NAMESPACE}/`, '');
      if (op.op === 'subscribe') {
        const topic = name(op.topic);
        const period = topic === 'status' ? 500 : topic.endsWith('/state') ? 100 : Math.max(op.throttle_rate ?? 0, topic === 'vision/tracks' ? FRAME_MS : FAST_MS);
        timers.set(topic, setInterval(() => {
          const msg = this.turret.isFrozen ? null : this.turret.message(topic);
          if (msg !== null) send({ op: 'publish', topic: op.topic, msg });
        }, period));
      } else if (op.op === 'unsubscribe') {
        clearInterval(timers.get(name(op.topic)));
      } else if (op.op === 'call_service') {
        const way = timers.has('status') ? 'main' : 'second';
        if (name(op.service) === 'safety/stop' && this.blocked.includes(way)) return;
        const values = this.answer(op.service ?? '', op.args ?? {});
        const isForbidden = this.role === 'viewer' && !/rosapi|get_|list|describe|stop/.test(op.service ?? '');
        send(values === null || isForbidden
          ? { op: 'service_response', id: op.id, service: op.service, values: isForbidden ? 'only an operator may call this' : 'there is no such service', result: false }
          : { op: 'service_response', id: op.id, service: op.service, values, result: true });
      } else if (op.op === 'send_action_goal') {
        this.turret.startGoal({
          id: op.id ?? '', action: name(op.action),
          feedback: (values) => send({ op: 'action_feedback', id: op.id, action: op.action, values }),
          done: (values, result) => send({ op: 'action_result', id: op.id, action: op.action, values, status: 4, result }),
        });
      } else if (op.op === 'cancel_action_goal') {
        this.turret.cancelGoal(op.id ?? '');
      }
    });
  }

  private answer(service: string, args: Record<string, unknown>): unknown {
    if (service === '/rosapi/services') return { services: [...SERVICES, ...this.turret.replay === null ? [] : REPLAY_SERVICES].map((name) => `${NAMESPACE}/${name}`) };
    if (service === '/rosapi/action_servers') return { action_servers: ACTIONS.map((name) => `${NAMESPACE}/${name}`) };
    return this.turret.call(service.replace(`${NAMESPACE}/`, ''), args);
  }

  /** Answer a request; false = it is not for the back end. */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (url.pathname === '/dev/ctl') {
      this.control(url.searchParams);
      json(response, { ok: true });
      return true;
    }
    if (!/^\/(config\.json|session|api\/|stream|media\/|bags\/)/.test(url.pathname)) return false;
    if (this.isOffline) {
      response.destroy();
      return true;
    }
    if (url.pathname === '/config.json') json(response, { namespace: NAMESPACE, rosbridge: '/rosbridge', video: '/stream?topic=image', webrtc: '', sign_in: false });
    else if (url.pathname === '/session') json(response, { role: this.role, operator_secret: 'secret' });
    else if (url.pathname === '/api/status') json(response, this.turret.status());
    else if (url.pathname === '/api/fleet') json(response, this.fleet());
    else if (url.pathname === '/api/fleet/snapshot') {
      response.writeHead(200, { 'Content-Type': 'image/png' });
      response.end(this.newest());
    } else if (url.pathname === '/api/fleet/stop') {
      this.answer(`${NAMESPACE}/safety/stop`, { reason: 'fleet' });
      json(response, { success: !this.hasFleet, code: this.hasFleet ? 5 : 0, message: this.hasFleet ? 'not confirmed by yard' : '', turrets: [] });
    } else if (url.pathname === '/api/clients') {
      json(response, [...this.sockets.clients].map((socket, id) => ({
        id, client: `${this.role} 127.0.0.1`, role: this.role, ...this.origins.get(socket), connected_s: 65, round_trip_s: 0.004, sent_bytes_total: 120_000, sent_messages_total: 900, dropped_messages_total: 0,
      })));
    } else if (url.pathname === '/stream') this.stream(request, response);
    else if (url.pathname.startsWith('/bags/')) {
      response.writeHead(200, { 'Content-Type': 'application/x-tar', 'Content-Disposition': `attachment; filename="${decodeURIComponent(url.pathname.slice(6))}.tar"` });
      response.end(Buffer.alloc(1024));
    } else if (url.pathname.startsWith('/media/')) {
      response.writeHead(200, { 'Content-Type': 'image/png' });
      response.end(this.newest());
    } else if (request.method === 'POST' && this.blocked.includes('http')) request.resume();
    else if (request.method === 'POST') json(response, this.answer(url.pathname.replace('/api', NAMESPACE), {}));
    else json(response, { success: false, code: 13, message: 'not found' }, 404);
    return true;
  }

  /** The own turret, and on request another one and one that does not answer. */
  private fleet(): Record<string, unknown> {
    const { controller, laser, safety } = this.turret.status();
    const state = {
      mode: controller.mode, tracking: controller.tracking, laser: laser.state, stopped: safety.software_stop, operator: safety.operator_name, faults: [],
    };
    const others = [
      { id: '/left', own: false, url: 'http://127.0.0.1:1/', problem: '', state: { ...state, mode: 2, faults: [{ node: 'camera', message: 'no frames' }] } },
      { id: 'yard', own: false, url: 'http://127.0.0.1:2/', problem: 'it does not answer', state: null },
    ];
    return { problem: '', turrets: [{ id: NAMESPACE, own: true, url: '', problem: '', state }, ...this.hasFleet ? others : []] };
  }

  private newest(): Buffer {
    const now = Date.now();
    if (this.frame === null || now - this.frame.at > FRAME_MS / 2) {
      this.turret.paint(this.pixels);
      this.frame = { at: now, data: png(WIDTH, HEIGHT, this.pixels) };
    }
    return this.frame.data;
  }

  private stream(request: IncomingMessage, response: ServerResponse): void {
    response.writeHead(200, { 'Content-Type': 'multipart/x-mixed-replace; boundary=frame', 'Cache-Control': 'no-store' });
    const timer = setInterval(() => {
      if (this.turret.isFrozen) return;
      if (this.isOffline) {
        response.destroy();
        return;
      }
      const data = this.newest();
      response.write(`--frame\r\nContent-Type: image/png\r\nContent-Length: ${data.length}\r\nX-Timestamp: ${(Date.now() / 1000).toFixed(3)}\r\n\r\n`);
      response.write(data);
      response.write('\r\n');
    }, FRAME_MS);
    request.on('close', () => clearInterval(timer));
  }

  private control(query: URLSearchParams): void {
    if (query.has('reset')) {
      this.turret = new FakeTurret();
      this.isOffline = false;
      this.role = 'operator';
      this.hasFleet = false;
      this.blocked = [];
    }
    const path = query.get('set');
    if (path !== null) this.turret.overrides.set(path, JSON.parse(query.get('v') ?? 'null'));
    const unset = query.get('unset');
    if (unset !== null) this.turret.overrides.delete(unset);
    if (query.has('freeze')) this.turret.isFrozen = query.get('freeze') === '1';
    if (query.has('latency')) this.turret.latencyMs = Number(query.get('latency'));
    if (query.has('backend')) this.turret.backend = Number(query.get('backend'));
    if (query.has('zones')) this.turret.zones = JSON.parse(query.get('zones') ?? '[]') as FakeTurret['zones'];
    if (query.has('faults')) this.turret.faults = JSON.parse(query.get('faults') ?? '[]') as FakeTurret['faults'];
    if (query.has('fleet')) this.hasFleet = query.get('fleet') === '1';
    if (query.has('role')) this.role = query.get('role') ?? 'operator';
    if (query.has('block')) this.blocked = (query.get('block') ?? '').split(',');
    if (query.has('replay')) this.turret.startReplay();
    if (query.has('offline')) {
      this.isOffline = query.get('offline') === '1';
      // As when the network is gone: nothing is closed, nothing arrives.
      if (query.get('offline') === 'closed') {
        this.isOffline = true;
        for (const client of this.sockets.clients) client.terminate();
      }
    }
  }
}

export function devBackEnd(): Plugin {
  return {
    name: 'dev-back-end',
    apply: 'serve',
    config: () => {
      const target = process.env['TURRET'];
      if (target === undefined) return {};
      const proxy = Object.fromEntries(['/config.json', '/session', '/api', '/stream', '/snapshot', '/media', '/bags', '/audio', '/webrtc', '/sign-in', '/sign-out']
        .map((path) => [path, { target, changeOrigin: true }]));
      return { server: { proxy: { ...proxy, '/rosbridge': { target: target.replace(/^http/, 'ws'), ws: true, changeOrigin: true } } } };
    },
    configureServer(server) {
      if (process.env['TURRET'] !== undefined || process.env['VITEST'] !== undefined) return;
      const gateway = new FakeGateway();
      server.middlewares.use((request, response, next) => { if (!gateway.handle(request, response)) next(); });
      server.httpServer?.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
        if (request.url?.startsWith('/rosbridge')) gateway.upgrade(request, socket, head);
      });
    },
  };
}
