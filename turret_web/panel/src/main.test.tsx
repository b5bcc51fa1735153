// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { render } from 'preact';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import '../test/component';
import { FakeTurret } from '../dev/fake_turret';

vi.mock('uplot', () => ({ default: class { destroy(): void { /* nothing is drawn */ } } }));

/** A rosbridge server that answers at once with what the imitated turret knows. */
class FakeSocket extends EventTarget {
  static readonly OPEN = 1;
  static opened: FakeSocket[] = [];
  /** New connections open; otherwise they wait, as for a gateway that does not answer. */
  static doesOpen = true;
  readonly OPEN = 1;
  readyState = 0;
  binaryType = '';
  onopen: ((event: Event) => void) | null = null;
  onmessage: ((event: MessageEvent) => void) | null = null;
  onclose: ((event: Event) => void) | null = null;
  onerror: ((event: Event) => void) | null = null;
  readonly topics = new Set<string>();
  readonly called = new Set<string>();

  constructor(readonly url: string) {
    super();
    FakeSocket.opened.push(this);
    setTimeout(() => {
      if (!FakeSocket.doesOpen) return;
      this.readyState = 1;
      this.tell('open', new Event('open'));
    }, 0);
  }

  send(text: string): void {
    const op = JSON.parse(text) as { op: string; topic?: string; service?: string; id?: string; args?: Record<string, unknown> };
    if (op.op === 'subscribe') this.topics.add(op.topic ?? '');
    if (op.op !== 'call_service') return;
    this.called.add(op.service ?? '');
    const values = op.service?.startsWith('/rosapi') ? { services: [], action_servers: [] } : turret.call(op.service?.replace('/turret/', '') ?? '', op.args ?? {});
    setTimeout(() => this.receive({ op: 'service_response', id: op.id, service: op.service, values, result: true }), 0);
  }

  receive(message: unknown): void {
    this.tell('message', new MessageEvent('message', { data: JSON.stringify(message) }));
  }

  close(): void {
    this.readyState = 3;
    this.tell('close', new Event('close'));
  }

  private tell(name: 'open' | 'message' | 'close', event: Event): void {
    this.dispatchEvent(event);
    this[`on${name}`]?.(event as never);
  }
}

let turret: FakeTurret;
const CONFIG = { namespace: '/turret', rosbridge: '/rosbridge', video: '/stream', webrtc: '', sign_in: false };
const json = (value: unknown): Response => new Response(JSON.stringify(value));

describe('start', () => {
  let isUp: boolean;
  let stopped: string[];
  let doesHttpHang: boolean;
  let page = 0;
  const timers: ReturnType<typeof setInterval>[] = [];
  const { setInterval: begin } = globalThis;

  beforeEach(() => {
    vi.resetModules();
    turret = new FakeTurret();
    isUp = true;
    stopped = [];
    FakeSocket.opened = [];
    FakeSocket.doesOpen = true;
    doesHttpHang = false;
    page += 1;
    vi.stubGlobal('setInterval', (...args: Parameters<typeof begin>) => {
      const timer = begin(...args);
      timers.push(timer);
      return timer;
    });
    localStorage.setItem('turret.tour-seen', 'yes');
    document.hasFocus = () => true;
    window.matchMedia = (() => ({ matches: false, addEventListener: () => undefined, removeEventListener: () => undefined })) as never;
    vi.stubGlobal('WebSocket', FakeSocket);
    vi.stubGlobal('fetch', async (path: string) => {
      if (!isUp) throw new TypeError('refused');
      if (path === 'config.json') return json({ ...CONFIG, rosbridge: `/rosbridge${page}` });
      if (path === 'session') return json({ role: 'operator', operator_secret: 's' });
      if (path === 'api/safety/stop') {
        stopped.push('http');
        if (doesHttpHang) return new Promise<Response>(() => undefined);
        return json({ success: true, code: 0, message: '' });
      }
      throw new TypeError(`nothing at ${path}`);
    });
    document.body.innerHTML = '<div id="stale" hidden></div><div id="app"><p id="boot"></p></div>';
  });
  afterEach(() => {
    const app = document.getElementById('app');
    if (app !== null) render(null, app);
    vi.unstubAllGlobals();
    for (const timer of timers.splice(0)) clearInterval(timer);
  });

  const shown = (selector: string): Element | null => document.querySelector(selector);
  const waitFor = (check: () => unknown): Promise<unknown> => vi.waitFor(() => { if (!check()) throw new Error(document.body.textContent ?? ''); }, { timeout: 20_000 });

  it('waits for the gateway and shows it, then shows the panel and the status', async () => {
    isUp = false;
    await import('./main');
    await waitFor(() => shown('#boot')?.textContent?.includes('does not answer'));
    isUp = true;
    await waitFor(() => shown('.app'));
    expect(shown('#boot')).toBeNull();
    await waitFor(() => FakeSocket.opened.some(({ topics }) => topics.has('/turret/status')));
    const main = FakeSocket.opened.find(({ topics }) => topics.has('/turret/status'));
    main?.receive({ op: 'publish', topic: '/turret/status', msg: turret.status() });
    await waitFor(() => shown('.connection')?.getAttribute('data-state') === 'live');
  });

  it('reports a status that is none, once, and continues', async () => {
    await import('./main');
    await waitFor(() => FakeSocket.opened.some(({ topics }) => topics.has('/turret/status')));
    const main = FakeSocket.opened.find(({ topics }) => topics.has('/turret/status'));
    for (const msg of [null, 3, {}, { ...turret.status(), laser: null }, { ...turret.status(), laser: null }]) main?.receive({ op: 'publish', topic: '/turret/status', msg });
    await waitFor(() => document.body.textContent?.includes('laser: it is missing'));
    main?.receive({ op: 'publish', topic: '/turret/status', msg: turret.status() });
    await waitFor(() => shown('.connection')?.getAttribute('data-state') === 'live');
  });

  it('stops over every way at once', async () => {
    await import('./main');
    await waitFor(() => FakeSocket.opened.length >= 2 && FakeSocket.opened.every(({ readyState }) => readyState === 1) && shown('button.stop'));
    (shown('button.stop') as HTMLButtonElement).click();
    await waitFor(() => FakeSocket.opened.filter(({ called }) => called.has('/turret/safety/stop')).length >= 2 && stopped.length > 0);
    expect(turret.status().safety.software_stop).toBe(true);
  });

  // Pages of earlier tests still connect again, at their own addresses.
  const sockets = (): FakeSocket[] => FakeSocket.opened.filter(({ url }) => url.includes(`/rosbridge${page}`));
  const isConnected = (): boolean => sockets().filter(({ readyState }) => readyState === 1).length >= 2;
  const state = (): string | null | undefined => shown('button.stop')?.getAttribute('data-state');

  it('stops by HTTP while both connections are down', async () => {
    await import('./main');
    await waitFor(() => isConnected() && shown('button.stop'));
    FakeSocket.doesOpen = false;
    for (const socket of sockets()) socket.close();
    (shown('button.stop') as HTMLButtonElement).click();
    await waitFor(() => state() === 'stopped');
    expect(stopped).toEqual(['http']);
    expect(sockets().some(({ called }) => called.has('/turret/safety/stop'))).toBe(false);
  });

  it('stops over the second connection while the first is down and HTTP hangs', async () => {
    await import('./main');
    await waitFor(() => isConnected() && shown('button.stop'));
    await waitFor(() => sockets().some(({ topics }) => topics.has('/turret/status')));
    const main = sockets().find(({ topics }) => topics.has('/turret/status'));
    doesHttpHang = true;
    FakeSocket.doesOpen = false;
    main?.close();
    (shown('button.stop') as HTMLButtonElement).click();
    await waitFor(() => state() === 'stopped');
    expect(turret.status().safety.software_stop).toBe(true);
    expect(main?.called.has('/turret/safety/stop')).toBe(false);
  });

  it('delivers a stop that nothing took as soon as anything does', async () => {
    await import('./main');
    await waitFor(() => isConnected() && shown('button.stop'));
    FakeSocket.doesOpen = false;
    isUp = false;
    for (const socket of sockets()) socket.close();
    (shown('button.stop') as HTMLButtonElement).click();
    await waitFor(() => state() === 'undelivered');
    isUp = true;
    await waitFor(() => state() === 'stopped');
    expect(stopped.length).toBeGreaterThan(0);
  });

  it('shows a page that says why when it cannot be built', async () => {
    shown('#stale')?.remove();
    await import('./main');
    await waitFor(() => shown('.failure'));
    expect(shown('.failure pre')?.textContent).toContain('the page has no element "stale"');
    expect(shown('.failure button')).not.toBeNull();
  });
});
