/** Put the panel together. */

import './style.css';

import { fetchConfig, fetchSession, socketUrl, type Config, type Session } from './config';
import { h } from './dom';
import { Operator } from './operator';
import { Panel, type Widget } from './panel';
import { Store } from './store';
import { Transport } from './transport';
import { badge } from './widgets/badge';
import { connection, staleBanner } from './widgets/connection';
import { control } from './widgets/control';
import { faults } from './widgets/faults';
import { Notices } from './widgets/notices';
import { statusCards } from './widgets/status_cards';
import { stopButtons } from './widgets/stop';
import { Video } from './widgets/video';

const TICK_MS = 100;
const SILENCE_MS = 4000;
const RETRY_MS = 1000;

/** Ask the front door until it answers; the page may be opened before the turret is up. */
async function askFrontDoor(): Promise<[Config, Session]> {
  for (;;) {
    try {
      return await Promise.all([fetchConfig(), fetchSession()]);
    } catch {
      await new Promise((resolve) => { setTimeout(resolve, RETRY_MS); });
    }
  }
}

function connect(config: Config, session: Session): Panel {
  const store = new Store();
  const url = socketUrl(config.bridge);
  const transport = new Transport(url, config.namespace, {
    silenceMs: SILENCE_MS, onConnection: (state) => store.setConnection(state),
  });
  transport.subscribe('status', (status) => store.acceptStatus(status, performance.now()));
  for (const name of ['controller', 'gimbal', 'laser', 'safety'] as const) {
    transport.subscribe(`${name}/state`, (state) => store.acceptSection(name, state, performance.now()));
  }
  const operator = new Operator(url, config.namespace);
  if (session.role === 'operator') operator.start();
  return new Panel(config, session, store, transport, operator, new Notices());
}

function build(panel: Panel): Widget[] {
  const header = [badge(panel), connection(panel), control(panel), stopButtons(panel)];
  const banner = staleBanner(panel);
  const video = new Video(panel);
  const status = [faults(panel), ...statusCards(panel)];
  document.body.append(
    h('header', { class: 'top' },
      h('div', { class: 'brand' }, h('h1', {}, 'Turret'), h('span', {}, panel.config.namespace)),
      ...header.map(({ element }) => element)),
    banner.element,
    h('main', {},
      h('div', { class: 'column video-column' }, video.element),
      h('div', { class: 'column status-column' }, ...status.map(({ element }) => element))),
    panel.notices.element,
  );
  return [...header, banner, video, ...status];
}

const [config, session] = await askFrontDoor();
const panel = connect(config, session);
const widgets = build(panel);
let isQueued = false;

function update(): void {
  isQueued = false;
  const now = performance.now();
  for (const widget of widgets) widget.update?.(now);
}

panel.store.onChange(() => {
  if (isQueued) return;
  isQueued = true;
  requestAnimationFrame(update);
});
setInterval(update, TICK_MS);
update();
panel.transport.start();
