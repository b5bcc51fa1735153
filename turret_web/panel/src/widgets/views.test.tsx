// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import type { VNode } from 'preact';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { bench, settled, type Bench } from '../../test/component';
import type { ReplayState } from '../generated/interfaces';
import { shortcuts, tourSeen } from '../state/settings';
import type { Feed } from '../video/feed';
import { Aim } from './aim/aim';
import { ControlDialogs, askControl } from './header/control';
import { Help, isHelpOpen, Tour } from './help/help';
import { drawMap, MapScale } from './map/map';
import { PlanView } from './map/plan_view';
import { JogPad } from './move/jog_pad';
import { Plots } from './plots/workspace';
import { ReplayBar } from './replay/replay';
import { fleet, FleetView, isFleet, memberTone, watchFleet, type Member } from './fleet/fleet';
import { System } from './system/system';

vi.mock('uplot', () => ({
  default: class {
    width = 0;
    setSize(): void { /* nothing is drawn */ }
    setData(): void { /* nothing is drawn */ }
    setScale(): void { /* nothing is drawn */ }
    destroy(): void { /* nothing is drawn */ }
  },
}));

const feed = { follow: () => undefined, pose: () => null, lensNow: () => null, sight: () => null, lens: null } as unknown as Feed;

async function shown(component: VNode, operate = true): Promise<Bench> {
  const made = bench();
  if (operate) made.takeControl();
  made.status();
  await made.show(component);
  await settled();
  return made;
}

describe('aim', () => {
  it('has the gains as sliders, with undo', async () => {
    const { root, turret, button } = await shown(<Aim />);
    const kp = [...root.querySelectorAll('.slider')].find((slider) => slider.textContent?.startsWith('Pan kp'))?.querySelector('input');
    if (!kp) throw new Error('there is no slider for kp');
    expect(button('Undo').disabled).toBe(true);
    kp.value = '31';
    kp.dispatchEvent(new Event('input', { bubbles: true }));
    kp.dispatchEvent(new Event('change', { bubbles: true }));
    await settled();
    expect(turret.parameters['controller']?.['aim.pan.kp']?.value).toBe(31);
    button('Undo').click();
    await settled();
    expect(turret.parameters['controller']?.['aim.pan.kp']?.value).toBe(20);
  });

  it('steps away and back', async () => {
    const { button, calls } = await shown(<Aim />);
    button('Step pan 5°').click();
    await settled();
    expect(button('Step pan 5°').disabled).toBe(true);
    expect(calls.filter(({ name }) => name === 'controller/nudge')[0]?.request['pan']).toBeCloseTo(0.0873, 3);
  });
});

describe('plots', () => {
  it('chooses fields, of the list and of the whole status', async () => {
    const { root, text, button } = await shown(<Plots />);
    root.querySelector<HTMLInputElement>('.checks input:not(:checked)')?.click();
    const any = root.querySelector('select');
    if (any !== null) any.value = 'laser.duty_cap';
    any?.dispatchEvent(new Event('change', { bubbles: true }));
    await settled();
    expect(text()).toContain('laser.duty_cap');
    button('Clear all').click();
    await settled();
    expect(text()).toContain('Choose at least one field.');
  });
});

describe('control', () => {
  it('asks for the name on the first visit, and not to take over by itself', async () => {
    const { panel, text, root } = await shown(<ControlDialogs />, false);
    askControl(panel);
    await settled();
    expect(text()).toContain('Who are you?');
    root.querySelector<HTMLButtonElement>('.dialog .line button')?.click();
    await settled();
    expect(text()).toBe('');
  });
});

describe('help', () => {
  afterEach(() => { isHelpOpen.value = false; });

  it('lists every key with its action and why it cannot be done', async () => {
    const { text } = await shown(<Help />, false);
    isHelpOpen.value = true;
    await settled();
    for (const expected of ['Close what is open; otherwise STOP', 'Hold to fire', 'Jog left', 'Take control first.']) {
      expect(text()).toContain(expected);
    }
  });

  it('leads through the tour once', async () => {
    tourSeen.value = 'no';
    const { button, text } = await shown(<Tour />);
    for (let step = 0; step < 3; step += 1) {
      button('Next').click();
      await settled();
    }
    button('Done').click();
    await settled();
    expect([tourSeen.value, text()]).toEqual(['yes', '']);
  });
});

describe('system', () => {
  beforeEach(() => {
    vi.stubGlobal('fetch', () => Promise.resolve(new Response(JSON.stringify([{
      id: 1, client: 'operator 127.0.0.1', connected_s: 5, round_trip_s: 0.002, deflate: true, sent_bytes_total: 1000, sent_messages_total: 10,
      dropped_messages_total: 1,
    }]))));
  });
  afterEach(() => { vi.unstubAllGlobals(); });

  it('lists the clients and switches the shortcuts', async () => {
    const { root, text } = await shown(<System />);
    await settled();
    expect(text()).toContain('1 client');
    expect(text()).toContain('1 of 11');
    root.querySelector<HTMLInputElement>('input[type=checkbox]')?.click();
    expect(shortcuts.value).toBe('off');
    shortcuts.value = 'on';
  });
});

describe('fleet', () => {
  const state = { mode: 2, laser: 0, stopped: false, operator: 'Ann', faults: [] };
  const members: Member[] = [
    { id: '/turret', own: true, url: '', problem: '', state },
    { id: '/left', own: false, url: 'http://left.local:8001/', problem: '', state: { ...state, laser: 3, faults: [{ node: 'camera', message: 'no frames' }] } },
    { id: 'yard', own: false, url: 'http://yard.local/', problem: 'it does not answer', state: null },
  ];
  const answered = (answer: unknown): ReturnType<typeof vi.fn> => {
    const asked = vi.fn(() => Promise.resolve(new Response(JSON.stringify(answer))));
    vi.stubGlobal('fetch', asked);
    return asked;
  };
  afterEach(() => {
    vi.unstubAllGlobals();
    fleet.value = null;
  });

  it('shows each turret, what it does, and why one does not answer', async () => {
    answered({ problem: '', turrets: members });
    const stopWatching = watchFleet();
    await settled();
    expect(isFleet()).toBe(true);
    const { root, text } = await shown(<FleetView />);
    expect(text()).toContain('following');
    expect(text()).toContain('Ann has control');
    expect(text()).toContain('camera: no frames');
    expect(text()).toContain('it does not answer');
    expect([...root.querySelectorAll('.member a')].map((link) => (link as HTMLAnchorElement).href)).toEqual(['http://left.local:8001/', 'http://yard.local/']);
    expect(root.querySelectorAll('.member img')).toHaveLength(2);
    stopWatching();
  });

  it('is not offered for the turret of this panel alone', async () => {
    answered({ problem: '', turrets: members.slice(0, 1) });
    const stopWatching = watchFleet();
    await settled();
    expect(isFleet()).toBe(false);
    stopWatching();
  });

  it('reads the worst of a turret from its color', () => {
    expect(members.map(memberTone)).toEqual(['good', 'bad', 'unknown']);
    expect(memberTone({ ...members[0] as Member, state: { ...state, stopped: null } })).toBe('warning');
    expect(memberTone({ ...members[0] as Member, state: { ...state, laser: 2 } })).toBe('warning');
  });

  it('stops all, and names those that did not confirm', async () => {
    const asked = answered({ success: false, message: 'not confirmed by yard' });
    const { button, panel } = await shown(<FleetView />);
    button('Stop all turrets').click();
    await settled();
    expect(asked.mock.calls.some(([path]) => path === 'api/fleet/stop')).toBe(true);
    expect(panel.notices.history.value[0]?.message).toContain('not confirmed by yard');
  });
});

describe('replay', () => {
  it('pauses, steps and seeks', async () => {
    const made = bench();
    let deliver: (state: ReplayState) => void = () => undefined;
    made.panel.isOffered = () => true;
    made.panel.transport.subscribe = ((topic: string, take: typeof deliver) => { if (topic === 'replay/state') deliver = take; }) as never;
    made.takeControl();
    made.status();
    await made.show(<ReplayBar />);
    await settled();
    const state = { name: 'bag', into: [], position_s: 2, duration_s: 10, rate: 1, paused: false, ended: false } as unknown as ReplayState;
    deliver(state);
    made.panel.store.now.value = performance.now();
    await settled();
    expect(made.text()).toContain('REPLAY bag');
    made.button('Pause').click();
    expect(made.calls.at(-1)).toMatchObject({ name: 'replay/set_paused', request: { paused: true } });
    deliver({ ...state, paused: true });
    await settled();
    expect(made.panel.store.isPaused.value).toBe(true);
    made.button('Step').click();
    const slider = made.root.querySelector('input');
    if (slider !== null) slider.value = '7';
    slider?.dispatchEvent(new Event('change', { bubbles: true }));
    expect(made.calls.slice(-2).map(({ name }) => name)).toEqual(['replay/step', 'replay/seek']);
    const skip = (): HTMLInputElement => made.root.querySelector('input[type="checkbox"]') as HTMLInputElement;
    made.turret.startReplay();
    skip().click();
    deliver({ ...state, position_s: 3 });  // sent before the change
    await settled();
    expect(skip().checked).toBe(true);
    deliver({ ...state, min_gap_s: 10 });
    await settled();
    deliver({ ...state, min_gap_s: 0 });  // another client changed it back
    await settled();
    expect(skip().checked).toBe(false);
  });
});

describe('jog pad', () => {
  const at = (x: number, pointerType = 'mouse', type = 'pointerdown'): PointerEvent => new PointerEvent(type, {
    clientX: x, clientY: 50, pointerId: 1, pointerType, button: 0, bubbles: true,
  });

  async function pad(): Promise<Bench & { pad: HTMLElement }> {
    const made = await shown(<JogPad name="test" />);
    const element = made.root.querySelector<HTMLElement>('.jog-pad');
    if (element === null) throw new Error('there is no pad');
    Object.defineProperty(element, 'clientWidth', { value: 100 });
    element.setPointerCapture = () => undefined;
    return { ...made, pad: element };
  }

  it('does not move by a touch alone, but by how far it is dragged', async () => {
    const { pad: element, jogs } = await pad();
    element.dispatchEvent(at(90));
    expect(jogs).toEqual([]);
    element.dispatchEvent(at(65, 'mouse', 'pointermove'));
    expect(jogs.at(-1)?.['pan_rate']).toBeCloseTo(0.25);
    element.dispatchEvent(at(65, 'mouse', 'pointerup'));
    expect(jogs.at(-1)?.['pan_rate']).toBe(0);
  });

  it('leaves a finger beside the knob to scrolling', async () => {
    const { pad: element, jogs } = await pad();
    element.dispatchEvent(at(90, 'touch'));
    element.dispatchEvent(at(65, 'touch', 'pointermove'));
    expect(jogs).toEqual([]);
  });
});

describe('map', () => {
  const range = { left: 1, right: -1, bottom: -0.5, top: 0.5 };

  it('converts between angles and the map', () => {
    const scale = new MapScale(range, { width: 212, height: 112 });
    expect([scale.x(1), scale.x(-1), scale.y(0.5), scale.y(-0.5)]).toEqual([6, 206, 6, 106]);
    expect(scale.pose(106, 56)).toEqual({ pan: 0, tilt: 0 });
    expect(scale.pose(-50, 500)).toEqual({ pan: 1, tilt: -0.5 });
  });

  it('draws zones, targets and the head', () => {
    const drawn: string[] = [];
    const context = new Proxy({}, {
      get: (_, name) => (...args: unknown[]) => { drawn.push(`${String(name)} ${args.length}`); },
      set: () => true,
    }) as CanvasRenderingContext2D;
    const { turret } = bench();
    drawMap(context, { width: 212, height: 112 }, {
      range, pose: { pan: 0, tilt: 0 }, view: { pan: 0.3, tilt: 0.2 }, zones: turret.zones, chosen: 'Window', tracks: turret.tracks(), targetId: '3',
    }, () => 'red');
    expect(drawn.filter((name) => name.startsWith('arc'))).toHaveLength(3);
    expect(drawn.filter((name) => name.startsWith('fillRect'))).toHaveLength(3);
  });

  it('is shown without a canvas too', async () => {
    const { root } = await shown(<PlanView feed={feed} />);
    expect(root.querySelector('canvas.map')).not.toBeNull();
  });
});
