// SPDX-License-Identifier: Apache-2.0
/** Starts the panel, and shows a page that says why when it cannot start. */

import './style.css';

import { effect, signal } from '@preact/signals';
import { render } from 'preact';

import { AppPage } from './app';
import { soundStatus } from './bridge/checks';
import { fetchConfig, fetchSession, socketUrl, type Config, type Session } from './bridge/config';
import { Operator } from './bridge/operator';
import { Transport } from './bridge/transport';
import { makeActions, type Stage } from './state/actions';
import { watchBagEvents } from './state/bag_events';
import { listenToGamepad } from './state/gamepad';
import { Jog } from './state/jog';
import { listenToKeys } from './state/keyboard';
import { Notices } from './state/notices';
import { Panel } from './state/panel';
import { reasonText } from './state/reasons';
import { deviceName, operatorName, shortcuts, theme } from './state/settings';
import { StopSwitch } from './state/stop';
import { Store } from './state/store';
import { watch } from './state/watchdog';
import { t } from './text';
import { AppContext } from './ui/app_context';
import { watchFleet } from './widgets/fleet/fleet';
import { askControl } from './widgets/header/control';
import { isHelpOpen } from './widgets/help/help';

const SILENCE_MS = 4000;
const RETRY_MS = 1000;
const OFFERS_MS = 3000;
const HTTP_MS = 2000;
/** The same problem is reported once in this time [ms]. */
const SAME_PROBLEM_MS = 30_000;

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no element "${id}"`);
  return found;
}

/** Show why the panel does not run, with a way to try again. Uses nothing that may be what failed. */
function showFailure(title: string, reason: string): void {
  const root = document.getElementById('app') ?? document.body;
  const [box, heading, text, advice, again] = ['div', 'h1', 'pre', 'p', 'button'].map((tag) => document.createElement(tag));
  if (!box || !heading || !text || !advice || !again) return;
  box.className = 'failure';
  heading.textContent = title;
  text.textContent = reason;
  advice.textContent = t.failure.advice;
  again.textContent = t.failure.reload;
  again.addEventListener('click', () => location.reload());
  box.append(heading, text, advice, again);
  root.replaceChildren(box);
}

/** Ask the gateway until it answers; the page may be opened before the turret is up. */
async function askGateway(): Promise<[Config, Session]> {
  for (;;) {
    try {
      return await Promise.all([fetchConfig(), fetchSession()]);
    } catch (error) {
      const boot = document.getElementById('boot');
      if (boot !== null) boot.textContent = t.failure.noGateway((error as Error).message);
      await new Promise((resolve) => { setTimeout(resolve, RETRY_MS); });
    }
  }
}

function connect(config: Config, session: Session): Panel {
  const store = new Store();
  const notices = new Notices();
  const reported = new Map<string, number>();
  const onProblem = (problem: string): void => {
    const now = performance.now();
    if (now - (reported.get(problem) ?? -Infinity) < SAME_PROBLEM_MS) return;
    reported.set(problem, now);
    notices.failed(t.failure.message(problem));
  };
  const device = deviceName(navigator.userAgent);
  const url = socketUrl(config.rosbridge, operatorName.peek() === '' ? device : `${operatorName.peek()}, ${device}`);
  const transport = new Transport(url, config.namespace, {
    silenceMs: SILENCE_MS,
    onProblem,
    onConnection: (state) => {
      store.connection.value = state;
      if (state === 'open') void panel.refreshOffers();
      else if (state === 'closed') fetchSession().catch(() => undefined); // it may have ended
    },
  });
  transport.subscribe('status', (message) => {
    const sound = soundStatus(message);
    if (sound === null) {
      onProblem(t.failure.status);
      return;
    }
    for (const problem of sound.problems) onProblem(problem);
    store.acceptStatus(sound.status, performance.now());
  });
  for (const name of ['controller', 'gimbal', 'laser', 'safety'] as const) {
    transport.subscribe(`${name}/state`, (state) => store.acceptSection(name, state, performance.now()));
  }
  const operator = new Operator(url, config.namespace);
  const panel = new Panel(config, session, store, transport, operator, notices);
  operator.onLost = (code) => notices.refused('control', code, t.control.lost(reasonText(code)));
  if (panel.mayOperate) operator.start();
  return panel;
}

/** Every way a stop can go: both connections and HTTP. Each rejects unless the turret confirms. */
function stopWays({ transport, operator }: Panel): (() => Promise<unknown>)[] {
  const confirmed = (answer: { success: boolean; message: string }): void => {
    if (!answer.success) throw new Error(answer.message);
  };
  return [
    async () => confirmed(await transport.call('safety/stop', { reason: 'panel' }, HTTP_MS)),
    async () => confirmed(await operator.transport.call('safety/stop', { reason: 'panel' }, HTTP_MS)),
    async () => {
      const answer = await fetch('api/safety/stop', {
        method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ reason: 'panel' }),
        signal: AbortSignal.timeout(HTTP_MS),
      });
      confirmed((await answer.json()) as { success: boolean; message: string });
    },
  ];
}

async function start(): Promise<void> {
  const panel = connect(...await askGateway());
  watch(panel.store, element('stale'), document.body);
  const stop = new StopSwitch(stopWays(panel));
  const jog = new Jog(panel);
  const stage = signal<Stage | null>(null);
  const openView = signal(false);
  const actions = makeActions(
    panel, jog, stop, () => stage.peek(), () => askControl(panel), () => { isHelpOpen.value = true; });
  panel.store.stale.subscribe((stale) => { if (stale) panel.operator.releaseTriggers(); });
  const root = element('app');
  root.replaceChildren(); // Preact keeps what was there when a component renders again during the first rendering
  render(
    <AppContext.Provider value={{ panel, jog, stop, actions }}><AppPage stage={stage} openView={openView} /></AppContext.Provider>,
    root);
  listenToKeys({
    actions: actions.values(), windows: panel.windows, stop: () => stop.send(), areShortcutsOn: () => shortcuts.peek() === 'on',
  });
  listenToGamepad(actions, jog);
  window.addEventListener('error', (event) => panel.notices.failed(t.failure.script(event.message)));
  window.addEventListener('unhandledrejection', (event) => panel.notices.failed(t.failure.script(String((event.reason as Error)?.message ?? event.reason))));
  panel.transport.start();
  setInterval(() => { void panel.refreshOffers(); }, OFFERS_MS);
  watchFleet();
  watchBagEvents(panel.transport);
}

if ('serviceWorker' in navigator && import.meta.env.PROD) void navigator.serviceWorker.register('./sw.js').catch(() => undefined);
effect(() => { document.documentElement.dataset['theme'] = theme.value; });
start().catch((error: unknown) => showFailure(t.failure.title, String((error as Error)?.stack ?? error)));
