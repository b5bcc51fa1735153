/** Put the panel together. */

import './style.css';

import { fetchConfig, fetchSession, socketUrl, type Config, type Session } from './config';
import { h } from './dom';
import { Jog } from './jog';
import { KEY_HELP, listenToKeys } from './keyboard';
import { Operator } from './operator';
import { Panel, type Widget } from './panel';
import { ParameterClient } from './parameters';
import { Store } from './store';
import { Transport } from './transport';
import { aimPlot } from './widgets/aim_plot';
import { badge } from './widgets/badge';
import { bags } from './widgets/bags';
import { clients } from './widgets/clients';
import { connection, staleBanner } from './widgets/connection';
import { control } from './widgets/control';
import { faults } from './widgets/faults';
import { fire } from './widgets/fire';
import { media } from './widgets/media';
import { move } from './widgets/move';
import { Notices } from './widgets/notices';
import { parameterEditor } from './widgets/parameter_editor';
import { patterns } from './widgets/patterns';
import { pidTable } from './widgets/pid_table';
import { presets } from './widgets/presets';
import { replayBar } from './widgets/replay';
import { segmented } from './widgets/segmented';
import { setup } from './widgets/setup';
import { statusCards } from './widgets/status_cards';
import { stopBanner, stopButton } from './widgets/stop';
import { tabs } from './widgets/tabs';
import { tracking } from './widgets/tracking';
import { Video } from './widgets/video';
import { zones } from './widgets/zones';

const TICK_MS = 100;
const SHORTEST_TICK_MS = 50;
const SILENCE_MS = 4000;
const RETRY_MS = 1000;
const OFFERS_MS = 3000;

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
  const url = socketUrl(config.rosbridge);
  const transport = new Transport(url, config.namespace, {
    silenceMs: SILENCE_MS,
    onConnection: (state) => {
      store.setConnection(state);
      if (state === 'open') void panel.refreshOffers();
      else if (state === 'closed') fetchSession().catch(() => undefined); // it may have ended
    },
  });
  transport.subscribe('status', (status) => store.acceptStatus(status, performance.now()));
  for (const name of ['controller', 'gimbal', 'laser', 'safety'] as const) {
    transport.subscribe(`${name}/state`, (state) => store.acceptSection(name, state, performance.now()));
  }
  const operator = new Operator(url, config.namespace);
  if (session.role === 'operator') operator.start();
  const panel = new Panel(config, session, store, transport, operator, new Notices());
  return panel;
}

/** Several widgets as one. */
function group(...widgets: Widget[]): Widget {
  return {
    element: h('div', { class: 'stack' }, ...widgets.map(({ element }) => element)),
    update: (now) => { for (const widget of widgets) widget.update?.(now); },
  };
}

/** On a phone one part of the page is shown at a time, below the video. */
function views(): Widget {
  let view = 'control';
  const buttons = segmented('View', [
    { value: 'control', label: 'Control' }, { value: 'status', label: 'Status' }, { value: 'settings', label: 'Settings' },
  ], (value) => { view = value; });
  const element = h('nav', { class: 'views' }, buttons.element);
  return {
    element,
    update() {
      buttons.show(view);
      document.body.dataset['view'] = view;
    },
  };
}

function build(panel: Panel): Widget[] {
  const jog = new Jog(panel);
  const parameters = new ParameterClient(panel.transport, panel.config.namespace);
  const header = [badge(panel), connection(panel), control(panel), stopButton(panel)];
  const banners = [replayBar(panel), staleBanner(panel), stopBanner(panel)];
  const video = new Video(panel);
  const nav = views();
  const controls = [tracking(panel, parameters), fire(panel), move(panel, jog)];
  const settings = tabs([
    { title: 'Aim', widget: group(aimPlot(panel), pidTable(panel)) },
    { title: 'Presets', widget: presets(panel) },
    { title: 'Patterns', widget: patterns(panel), isOffered: () => panel.offers('controller/run_pattern') },
    { title: 'Zones', widget: zones(panel), isOffered: () => panel.offers('safety/set_zones') },
    { title: 'Media', widget: media(panel), isOffered: () => panel.offers('camera/list_media') },
    { title: 'Bags', widget: bags(panel), isOffered: () => panel.offers('bag/list') },
    { title: 'Set-up', widget: setup(panel, video) },
    { title: 'Clients', widget: clients(panel) },
    { title: 'Parameters', widget: parameterEditor(panel, parameters) },
  ]);
  const status = [faults(panel), ...statusCards(panel)];
  const elements = (widgets: readonly Widget[]): HTMLElement[] => widgets.map(({ element }) => element);
  const top = h('div', { class: 'top' },
    h('header', {},
      h('div', { class: 'brand' }, h('h1', {}, 'Turret'), h('span', {}, panel.config.namespace)),
      ...elements(header)),
    ...elements(banners));
  new ResizeObserver(() => document.body.style.setProperty('--top', `${top.offsetHeight}px`)).observe(top);
  document.body.append(
    top,
    h('main', {},
      video.element,
      nav.element,
      h('div', { class: 'column controls' }, ...elements(controls)),
      settings.element,
      h('div', { class: 'column statuses' }, ...elements(status))),
    h('footer', {},
      ...KEY_HELP.map(([key, meaning]) => h('span', {}, h('kbd', {}, key), ` ${meaning}`)),
      panel.config.signIn
        ? h('form', { method: 'post', action: 'sign-out' }, h('button', { type: 'submit', class: 'quiet' }, 'Sign out'))
        : null),
    panel.notices.element,
  );
  listenToKeys(panel, jog);
  return [...header, ...banners, video, nav, ...controls, settings, ...status];
}

/** Bring widgets in line with the store: soon after a change, and regularly, because ages grow. */
function keepUpToDate(widgets: readonly Widget[], store: Store): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let updatedAt = -Infinity;
  const schedule = (delay: number): void => {
    clearTimeout(timer);
    timer = setTimeout(update, delay);
  };
  const update = (): void => {
    updatedAt = performance.now();
    for (const widget of widgets) widget.update?.(updatedAt);
    schedule(TICK_MS);
  };
  store.onChange(() => schedule(Math.max(0, updatedAt + SHORTEST_TICK_MS - performance.now())));
  update();
}

const panel = connect(...await askFrontDoor());
keepUpToDate(build(panel), panel.store);
panel.transport.start();
setInterval(() => { void panel.refreshOffers(); }, OFFERS_MS);
