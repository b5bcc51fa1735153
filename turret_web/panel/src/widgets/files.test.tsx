// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import type { VNode } from 'preact';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { bench, settled, type Bench } from '../../test/component';
import { SECOND_THOUGHT_MS } from '../ui/controls';
import type { Feed } from '../video/feed';
import { VideoStream } from '../video/video_stream';
import { watchBagEvents, type BagEvent } from '../state/bag_events';
import { Bags, replayAddress } from './bags/bags';
import { Camera } from './camera/camera';
import { Bell } from './history/history';
import { PlanView } from './map/plan_view';
import { Media } from './media/media';
import { PresetChips, Presets } from './presets/presets';
import { Settings } from './settings/settings';
import { Setup } from './setup/setup';
import { zoneDraft } from './zones/draft_signal';

async function shown(component: VNode): Promise<Bench> {
  const made = bench();
  made.takeControl();
  made.status();
  await made.show(component);
  await settled();
  return made;
}

const thought = (): Promise<void> => new Promise((resolve) => { setTimeout(resolve, SECOND_THOUGHT_MS + 20); });

function set(input: Element | null | undefined, value: string, kind = 'input'): void {
  (input as HTMLInputElement).value = value;
  input?.dispatchEvent(new Event(kind, { bubbles: true }));
}

describe('presets', () => {
  it('renames, reorders, and deletes with undo', async () => {
    const { turret, status, button, root, panel } = await shown(<><Presets /><PresetChips /></>);
    const names = (): string[] => turret.presets.map(({ name }) => name);
    button('Move Door down').click();
    await settled();
    expect(names()).toEqual(['Shelf', 'Door']);
    status();
    await vi.waitFor(() => expect(button('Rename').disabled).toBe(false));
    button('Rename').click();
    await settled();
    set(root.querySelector('form.name input'), 'Top shelf');
    await settled();
    root.querySelector('form.name')?.dispatchEvent(new Event('submit', { bubbles: true, cancelable: true }));
    await settled();
    expect(names()).toEqual(['Door', 'Top shelf']);
    status();
    await vi.waitFor(() => expect(button('Delete').disabled).toBe(false));
    button('Delete').click();
    await settled();
    await thought();
    button('Delete now').click();
    await settled();
    expect(names()).toEqual(['Top shelf']);
    panel.notices.shown.value[0]?.undo?.();
    await settled();
    expect(names()).toEqual(['Top shelf', 'Door']);
  });
});

describe('media', () => {
  it('opens, renames and deletes a file, and deletes several', async () => {
    const { turret, root, text, button } = await shown(<Media />);
    await settled();
    root.querySelector<HTMLButtonElement>('.thumbnail')?.click();
    await settled();
    expect(text()).toContain('still_20261129_101500_door.jpg');
    button('Zoom in').click();
    set(root.querySelector('.dialog input[type=text]'), 'front');
    await settled();
    root.querySelector('.dialog form')?.dispatchEvent(new Event('submit', { bubbles: true, cancelable: true }));
    await settled();
    expect(turret.media[0]?.name).toBe('front.jpg');
    button('Close').click();
    await settled();
    for (const box of root.querySelectorAll<HTMLInputElement>('.medium input')) box.click();
    await settled();
    button('Delete 2').click();
    await settled();
    await thought();
    button('Delete now').click();
    await settled();
    await settled();
    expect(turret.media).toEqual([]);
    expect(text()).toContain('No files yet.');
  });

  it('takes stills and records', async () => {
    const { turret, status, button, calls } = await shown(<Media />);
    button('Take still').click();
    await settled();
    button('Record video').click();
    await settled();
    status();
    await settled();
    button('Stop recording').click();
    await settled();
    expect(calls.map(({ name }) => name)).toEqual(expect.arrayContaining(['camera/capture_still', 'camera/start_recording', 'camera/stop_recording']));
    expect(turret.media).toHaveLength(4);
  });
});

describe('bags', () => {
  it('records, saves the last seconds and refuses a label that is not a file name', async () => {
    const { turret, status, button, root } = await shown(<Bags />);
    set(root.querySelector('input[type=text]'), 'a/b');
    await settled();
    expect(button('Record bag').disabled).toBe(true);
    set(root.querySelector('input[type=text]'), 'test');
    await settled();
    button('Record bag').click();
    await settled();
    status();
    await settled();
    button('Stop recording').click();
    await settled();
    status();
    await settled();
    button('Save the last 30 s').click();
    await settled();
    expect(turret.bags).toHaveLength(4);
  });

  it('renames, offers the download and refuses a name that is none', async () => {
    const made = bench();
    made.panel.isOffered = () => true;
    made.status();
    await made.show(<Bags />);
    await settled();
    expect(made.root.querySelector('a[download]')?.getAttribute('href')).toBe('bags/20261129_101000_test');
    made.button('Rename').click();
    await settled();
    const field = made.root.querySelector('.bag-list input');
    for (const name of ['', '../a', 'auto_x', '-a', 'x'.repeat(121)]) {
      set(field, name);
      await settled();
      expect(made.button('Apply').disabled).toBe(true);
    }
    set(field, 'Two balloons');
    await settled();
    made.root.querySelector('.bag-list form')?.dispatchEvent(new Event('submit', { cancelable: true }));
    await settled();
    expect(made.turret.bags.map(({ name }) => name)).toContain('Two balloons');
    expect(made.root.querySelector('.bag-list form')).toBeNull();
  });

  it('replays a bag: starts it, opens its panel once that answers, ends it, and one at a time', async () => {
    const made = bench();
    made.panel.isOffered = () => true;
    made.status();
    await made.show(<Bags />);
    await settled();
    const { root, text, button, turret } = made;
    const row = (name: string): Element | undefined => [...root.querySelectorAll('.bag-list li')].find((item) => item.textContent?.includes(name));
    const replayOf = (name: string): HTMLButtonElement | undefined => [...row(name)?.querySelectorAll('button') ?? []].find(({ textContent }) => textContent === 'Replay');
    const state = async (values: Record<string, unknown>): Promise<void> => {
      for (const [key, value] of Object.entries(values)) turret.overrides.set(`bag.${key}`, value);
      made.status();
      await settled();
    };
    replayOf('20261129_101000_test')?.click();
    await settled();
    expect(made.calls.find(({ name }) => name === 'bag/start_replay')?.request).toMatchObject({ name: '20261129_101000_test', rate: 1 });
    expect(row('20261129_101000_test')?.textContent).toContain('The replay is starting.');
    expect(root.querySelector('a[target]')).toBeNull();
    await state({ replay: '20261129_101000_test', replay_port: 8100 });
    const link = root.querySelector<HTMLAnchorElement>('a[target]');
    expect([link?.textContent, link?.getAttribute('href'), link?.rel, link?.target])
      .toEqual(['Open the replay', replayAddress(location, 8100), 'noopener', '_blank']);
    expect(text()).toContain('port 8100');
    expect(replayOf('20261129_094400_fault_safety')?.title).toContain('20261129_101000_test is being replayed');
    button('End').click();
    await settled();
    expect(made.calls.map(({ name }) => name)).toContain('bag/stop_replay');
    await vi.waitFor(async () => {
      await state({ replay: '', replay_port: 0, replay_message: 'the bag has no messages' });
      expect(replayOf('20261129_101000_test')?.disabled).toBe(false);
    }, 5000);
    expect(text()).toContain('The replay failed: the bag has no messages');
  });

  it('opens a replay at the address of the page, with the port of the replay', () => {
    expect(replayAddress(new URL('https://turret.local:8443/x?y#z') as never, 8100)).toBe('https://turret.local:8100/');
    expect(replayAddress(new URL('http://[::1]:8000/') as never, 8101)).toBe('http://[::1]:8101/');
  });

  it('shows a viewer the replay, and why only operators start and end it', async () => {
    const made = bench({ role: 'viewer' });
    made.panel.isOffered = () => true;
    made.status();
    await made.show(<Bags />);
    await settled();
    expect([made.button('Replay').disabled, made.button('Replay').title]).toEqual([true, made.panel.whyNotOperator.value]);
    for (const [key, value] of Object.entries({ replay: '20261129_101000_test', replay_port: 8100 })) made.turret.overrides.set(`bag.${key}`, value);
    made.status();
    await settled();
    expect(made.button('End').disabled).toBe(true);
    expect(made.root.querySelector('a[target]')).not.toBeNull();
  });

  it('offers no replay where the turret has no such service, as in a replay', async () => {
    const { text } = await shown(<Bags />);
    expect(text()).not.toContain('Replay');
  });

  it('offers a viewer no download', async () => {
    const made = bench({ role: 'viewer' });
    made.status();
    await made.show(<Bags />);
    await settled();
    expect(made.root.querySelector('a[download]')).toBeNull();
  });

  it('shows what happens as it happens', async () => {
    const { text, root } = await shown(<Bags />);
    expect(text()).toContain('None since this page was opened.');
    let publish: (event: BagEvent) => void = () => undefined;
    watchBagEvents({ subscribe: (_: string, deliver: typeof publish) => { publish = deliver; } } as never);
    for (const [i, level] of [20, 30, 40].entries()) publish({ stamp: { sec: 5, nanosec: i }, level, name: '/turret/bag', msg: `event ${i}` });
    await settled();
    expect([...root.querySelectorAll('[aria-label=Events] li')].map((item) => [(item as HTMLElement).dataset['tone'], item.querySelector('p')?.textContent]))
      .toEqual([['bad', 'event 2'], ['warning', 'event 1'], ['plain', 'event 0']]);
  });
});

describe('camera', () => {
  it('resets what was changed', async () => {
    const { turret, button, root } = await shown(<Camera />);
    await settled();
    const brightness = [...root.querySelectorAll('.slider')].find((slider) => slider.textContent?.startsWith('Brightness'))?.querySelector('input');
    set(brightness, '0.5');
    set(brightness, '0.5', 'change');
    await settled();
    expect(turret.parameters['camera']?.['brightness']?.value).toBe(0.5);
    button('Reset').click();
    await settled();
    expect(turret.parameters['camera']?.['brightness']?.value).toBe(0);
  });
});

describe('settings', () => {
  it('changes, refuses in the unit of the field, resets a row and saves', async () => {
    const { turret, root, text, button, calls } = await shown(<Settings />);
    await settled();
    const row = (): Element | null => root.querySelector('.parameter[data-name=brightness]');
    const change = async (value: string): Promise<void> => {
      set(row()?.querySelector('input'), value);
      row()?.querySelector('input')?.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }));
      await settled();
    };
    await change('7');
    expect(row()?.textContent).toContain('-1 to 1');
    await change('0.25');
    expect(turret.parameters['camera']?.['brightness']?.value).toBe(0.25);
    expect(text()).toContain('1 change is live but not saved');
    button('Reset to 0').click();
    await settled();
    expect(turret.parameters['camera']?.['brightness']?.value).toBe(0);
    button('Save for the next start').click();
    await settled();
    expect(calls.at(-1)?.name).toContain('save_parameters');
  });
});

describe('history', () => {
  it('shows the faults of now and before', async () => {
    const { root, text, panel } = await shown(<Bell />);
    panel.notices.refused('laser/arm', 108, 'stopped');
    await settled();
    root.querySelector<HTMLButtonElement>('.bell button')?.click();
    await settled();
    await settled();
    expect(text()).toContain('NO_FRAMES');
    expect(text()).toContain('SOFTWARE_STOP');
    expect(panel.windows.closeTop()).toBe(true);
    await settled();
    expect(root.querySelector('.drawer')).toBeNull();
  });
});

describe('set-up', () => {
  it('writes a register only after a question', async () => {
    const { button, root, calls } = await shown(<Setup />);
    button('Read registers').click();
    await settled();
    set(root.querySelector('table input'), '0x5');
    await settled();
    button('Write').click();
    await settled();
    await thought();
    button('Write now').click();
    await settled();
    expect(calls.at(-1)?.request['write']).toMatchObject([{ name: 'IHOLD_IRUN', value: 5 }]);
  });

  it('sets the boresight from a dot that was picked', async () => {
    const { panel, button, calls } = await shown(<Setup />);
    button('Mark the laser dot').click();
    await settled();
    panel.picking.current.value?.use({ x: 240, y: 186 }, { x: 240, y: 186 });
    panel.picking.cancel();
    await settled();
    button('Set from 1 dot').click();
    expect(calls.at(-1)).toMatchObject({ name: 'controller/set_boresight', request: { points: [{ x: 240, y: 186, z: 3 }] } });
  });
});

describe('plan view', () => {
  const context = new Proxy({}, { get: () => () => undefined, set: () => true });
  beforeEach(() => { HTMLCanvasElement.prototype.getContext = (() => context) as never; });
  afterEach(() => { HTMLCanvasElement.prototype.getContext = (() => null) as never; });

  it('draws a new zone, and moves an old one', async () => {
    zoneDraft.value = null;
    const edit = vi.fn();
    const feed = { lens: null } as unknown as Feed;
    const { root } = await shown(<PlanView feed={feed} onEdit={edit} onChoose={() => undefined} />);
    const canvas = root.querySelector('canvas') as HTMLCanvasElement;
    Object.defineProperty(canvas, 'clientWidth', { value: 412 });
    Object.defineProperty(canvas, 'clientHeight', { value: 212 });
    canvas.setPointerCapture = () => undefined;
    const send = (type: string, x: number, y: number): void => {
      const event = new PointerEvent(type, { button: 0, pointerId: 1 });
      Object.defineProperties(event, { offsetX: { value: x }, offsetY: { value: y } });
      canvas.dispatchEvent(event);
    };
    send('pointerdown', 10, 10);
    send('pointermove', 40, 40);
    send('pointerup', 40, 40);
    expect(edit.mock.calls[0]?.[0]).toBeNull();
    send('pointerdown', 206, 100);
    send('pointermove', 216, 100);
    send('pointerup', 216, 100);
    expect(edit.mock.calls.at(-1)?.[0]).toBe(1);
    expect(edit.mock.calls.at(-1)?.[1].pan_max).toBeLessThan(1.2);
  });
});

describe('video stream', () => {
  afterEach(() => { vi.unstubAllGlobals(); });

  it('delivers the frames with their stamps and reports what is wrong', async () => {
    const part = (headers: string, body: string): string => `--frame\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}\r\n`;
    const bytes = new TextEncoder().encode(part('X-Timestamp: 5.25\r\n', 'jpeg') + part('X-Notice: no camera\r\n', 'jpeg'));
    let sent = false;
    vi.stubGlobal('createImageBitmap', async () => ({ close: () => undefined }));
    vi.stubGlobal('fetch', async () => ({
      ok: true, headers: new Headers({ 'content-type': 'multipart/x-mixed-replace; boundary=frame' }),
      body: {
        getReader: () => ({
          read: async () => {
            if (sent) return new Promise(() => undefined);
            sent = true;
            return { done: false, value: bytes.subarray(0, 70) };
          },
        }),
      },
    }));
    const [images, problems]: [unknown[], string[]] = [[], []];
    const stream = new VideoStream('stream', { onImage: (_, stamp) => images.push(stamp), onProblem: (problem) => problems.push(problem) });
    stream.start();
    await new Promise((resolve) => { setTimeout(resolve, 60); });
    stream.stop();
    expect(images).toEqual([{ sec: 5, nanosec: 250_000_000 }]);
    expect(problems).toEqual(['']);
  });
});
