// SPDX-License-Identifier: Apache-2.0
/** Puts components on a page of happy-dom in front of a panel whose transport only notes what is asked of it. */

import { signal } from '@preact/signals';
import { h, options, render, type ComponentChild } from 'preact';
import { afterEach } from 'vitest';

import type { Transport } from '../src/bridge/transport';
import { makeActions, type Action, type ActionId } from '../src/state/actions';
import { Jog } from '../src/state/jog';
import { Notices } from '../src/state/notices';
import { Panel } from '../src/state/panel';
import { StopSwitch } from '../src/state/stop';
import { Store } from '../src/state/store';
import { AppContext } from '../src/ui/app_context';
import { FakeTurret } from '../dev/fake_turret';

export interface Bench {
  panel: Panel;
  turret: FakeTurret;
  actions: ReadonlyMap<ActionId, Action>;
  stop: StopSwitch;
  root: HTMLElement;
  /** Services that were called, in order, with their requests. */
  calls: { name: string; request: Record<string, unknown> }[];
  /** Requests of `controller/jog`, in order. */
  jogs: Record<string, unknown>[];
  /** Take a status of the imitated turret now. */
  status(now?: number): void;
  /** Take control, as far as the panel can see. */
  takeControl(): void;
  show(component: ComponentChild): Promise<void>;
  button(label: string): HTMLButtonElement;
  text(): string;
}

const TURNS = 8;

// Effects run in the turn after a rendering, and not when the machine finds time for a frame.
options.requestAnimationFrame = (run) => { setTimeout(run, 0); };
globalThis.fetch = () => Promise.reject(new TypeError('component tests use no network'));

let shown: HTMLElement | null = null;
afterEach(() => { if (shown !== null) render(null, shown); });

/** Wait until the components have followed the state: effects, and the renderings that they cause. */
export async function settled(): Promise<void> {
  await new Promise((resolve) => { setTimeout(resolve, 40); });
  for (let turn = 0; turn < TURNS; turn += 1) await new Promise((resolve) => { setTimeout(resolve, 0); });
}

export function bench({ role = 'operator' as 'operator' | 'viewer' } = {}): Bench {
  document.hasFocus = (): boolean => true;
  document.body.replaceChildren();
  const root = document.createElement('div');
  document.body.append(root);
  shown = root;
  const turret = new FakeTurret();
  const store = new Store();
  const calls: Bench['calls'] = [];
  const jogs: Bench['jogs'] = [];
  const transport = {
    connection: 'open',
    subscribe: () => undefined,
    listen: () => () => undefined,
    call: (name: string, request: Record<string, unknown>) => {
      if (name === 'controller/jog') jogs.push(request);
      else calls.push({ name, request });
      return Promise.resolve(turret.call(name, request));
    },
    callAs: (name: string, _: string, request: Record<string, unknown>) => {
      calls.push({ name, request });
      return Promise.resolve(turret.call(name.replace('/turret/', ''), request));
    },
    run: () => ({ result: new Promise(() => undefined), cancel: () => undefined }),
  } as unknown as Transport;
  const lease = signal('');
  const held = signal(false);
  const operator = {
    lease, isOperator: { get value() { return lease.value !== ''; } }, isTriggerHeld: held, isPresent: signal(true), transport,
    press: () => { held.value = true; }, releaseTrigger: () => { held.value = false; }, release: async () => { lease.value = ''; },
  };
  const panel = new Panel(
    { namespace: '/turret', rosbridge: '', video: '', webrtc: '', signIn: false }, { role, secret: '' }, store, transport,
    operator as unknown as Panel['operator'], new Notices());
  const stop = new StopSwitch([async () => { calls.push({ name: 'safety/stop', request: {} }); }]);
  const jog = new Jog(panel);
  const actions = makeActions(panel, jog, stop, () => null, () => undefined, () => undefined);
  store.connection.value = 'open';
  const made: Bench = {
    panel, turret, actions, stop, root, calls, jogs,
    status: (now = performance.now()) => {
      store.now.value = now;
      turret.update();
      store.acceptStatus(turret.status(), now);
    },
    takeControl: () => {
      const answer = turret.call('safety/acquire_lease', { name: 'Ann', take_over: true }) as { lease_id: string };
      lease.value = answer.lease_id;
    },
    show: async (component) => {
      render(h(AppContext.Provider, { value: { panel, jog, stop, actions } }, component), root);
      await settled();
    },
    button: (label) => {
      const found = [...root.querySelectorAll('button')].find((button) => button.textContent === label || button.getAttribute('aria-label') === label);
      if (found === undefined) throw new Error(`there is no button "${label}" in: ${root.textContent}`);
      return found;
    },
    text: () => root.textContent ?? '',
  };
  return made;
}
