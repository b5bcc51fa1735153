// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { signal } from '@preact/signals';
import type { VNode } from 'preact';
import { describe, expect, it } from 'vitest';

import { bench, settled, type Bench } from '../../test/component';
import { ReasonCode } from '../generated/interfaces';
import { t } from '../text';
import type { Feed } from '../video/feed';
import { Bags, isAutomatic } from './bags/bags';
import { Camera } from './camera/camera';
import { Detector } from './detector/detector';
import { FireSettings } from './fire/fire_settings';
import { LaserHeadline, TriggerBar } from './fire/trigger_bar';
import { Guide } from './guide';
import { Badges } from './header/badges';
import { ConnectionLine } from './header/connection';
import { Control } from './header/control';
import { NoticeList } from './header/notices';
import { StopBanners, StopButton } from './header/stop';
import { Bell, FaultItem } from './history/history';
import { Media, splitName } from './media/media';
import { Move } from './move/move';
import { Patterns } from './patterns/patterns';
import { numbersOf } from './plots/workspace';
import { toCsv } from './plots/plot';
import { Presets } from './presets/presets';
import { fieldText, fieldValue, shownAs } from '../ui/parameter_text';
import { Settings } from './settings/settings';
import { fromYaml, toYaml } from './settings/yaml';
import { Setup } from './setup/setup';
import { StatusChips } from './status/chips';
import { Tracking } from './tracking/tracking';
import { zoneDraft } from './zones/draft_signal';
import { Zones } from './zones/zones';

const feed = {
  follow: () => undefined, pose: () => null, lensNow: () => null, sight: () => null, lens: null, isProjectable: signal(true),
} as unknown as Feed;

async function shown(component: VNode, operate = true): Promise<Bench> {
  const made = bench();
  if (operate) made.takeControl();
  made.status();
  await made.show(component);
  await settled();
  return made;
}

function set(input: Element | null, value: string): void {
  (input as HTMLInputElement).value = value;
  input?.dispatchEvent(new Event('input', { bubbles: true }));
}

describe('header', () => {
  it('keeps the badge of a live laser while nothing is known', async () => {
    const { panel, turret, status, root } = await shown(<Badges />);
    turret.backend = 3;
    status();
    await settled();
    panel.store.connection.value = 'closed';
    await settled();
    const badge = root.querySelector('.badge');
    expect(badge?.textContent).toBe('LIVE LASER ?');
    expect(badge?.getAttribute('data-backend')).toBe('LIVE_LASER');
  });

  it('shows the connection and who has control', async () => {
    const { panel, root, text } = await shown(<><ConnectionLine /><Control /></>);
    expect(root.querySelector('.connection')?.getAttribute('data-state')).toBe('live');
    expect(text()).toContain('You have control');
    panel.store.connection.value = 'closed';
    await settled();
    expect(text()).toContain('Reconnecting');
  });

  it('stops, shows the stop, and offers to reset it', async () => {
    const { turret, status, button, text, calls, stop } = await shown(<><StopButton /><StopBanners /></>);
    button('STOP').click();
    expect(calls.map(({ name }) => name)).toContain('safety/stop');
    turret.call('safety/stop', {});
    status();
    await settled();
    expect(text()).toContain('Stopped: emission off, axes still.');
    expect(text()).not.toContain('stopped: panel');
    stop.giveUp(); // so that no later attempt delivers it
    stop.state.value = 'undelivered';
    await settled();
    expect(text()).toContain('STOP NOT DELIVERED: use the hardware stop.');
  });

  it('keeps notices in the history with how often they came', async () => {
    const { panel, text } = await shown(<><NoticeList /><Bell /></>);
    panel.notices.failed('no answer');
    panel.notices.failed('no answer');
    await settled();
    expect(text()).toContain('2 times');
    expect(panel.notices.history.value).toHaveLength(1);
  });

  it('shows a fault with its age', async () => {
    const fault = { node: 'camera', code: ReasonCode.NO_FRAMES, message: 'x'.repeat(240), severity: 2, age_s: 5, active: true };
    const { text } = await shown(<ul><FaultItem fault={fault} since={0} /></ul>);
    expect(text()).toContain('NO_FRAMES');
  });
});

describe('laser', () => {
  it('shows UNKNOWN instead of FIRING while the link is lost', async () => {
    const { panel, turret, status, root } = await shown(<><LaserHeadline /><TriggerBar /></>);
    turret.overrides.set('laser.state', 3);
    turret.overrides.set('laser.emitting', true);
    status();
    await settled();
    expect(root.querySelector('.laser-state strong')?.textContent).toBe('FIRING');
    expect(root.querySelector('.fire')?.getAttribute('data-emitting')).toBe('true');
    panel.store.connection.value = 'closed';
    await settled();
    expect(root.querySelector('.laser-state strong')?.textContent).toBe('UNKNOWN');
    expect(root.querySelector('.fire')?.getAttribute('data-emitting')).toBe('false');
  });

  it('does not fire a burst of nothing', async () => {
    const { turret, status, root, button, calls } = await shown(<FireSettings />);
    turret.overrides.set('laser.state', 2);
    turret.overrides.set('laser.ready', true);
    status();
    await settled();
    const [pulses] = root.querySelectorAll('input[type=number]');
    set(pulses ?? null, '');
    await settled();
    expect(button('Burst').disabled).toBe(true);
    expect(button('Burst').title).toBe('Correct the marked fields first.');
    set(pulses ?? null, '2');
    await settled();
    button('Burst').click();
    expect(calls.at(-1)).toMatchObject({ name: 'laser/fire', request: { pulses: 2, pulse_s: 0.2, gap_s: 0.1 } });
  });

  it('asks before it fires without a person', async () => {
    const { button, calls } = await shown(<FireSettings />);
    button('Automatic fire …').click();
    await settled();
    button('Fire without me').click();
    expect(calls.map(({ name }) => name)).not.toContain('safety/set_auto_fire');
  });
});

describe('what needs control', () => {
  it.each([
    ['Move', <Move key="a" />, 'Home'], ['Tracking', <Tracking key="b" withMode />, 'Track'], ['Presets', <Presets key="c" />, 'Save this direction'],
  ])('is disabled in %s without it, with the reason', async (_, component, label) => {
    const { button, text } = await shown(component, false);
    expect(button(label).disabled).toBe(true);
    expect(text()).toContain('Take control first.');
  });

  it('asks a viewer to sign in', async () => {
    const made = bench({ role: 'viewer' });
    made.status();
    await made.show(<><Tracking withMode /><Media /><Bags /><Guide /></>);
    await settled();
    for (const label of ['Track', 'Take still', 'Record video', 'Record bag']) {
      expect(made.button(label).disabled).toBe(true);
      expect(made.button(label).title).toContain('sign in as an operator');
    }
  });
});

describe('tracking', () => {
  it('lists the targets as buttons that follow them', async () => {
    const { turret, status, button, calls } = await shown(<Tracking withMode />);
    turret.overrides.set('tracks', [{ ...turret.tracks()[0], id: '7' }]);
    status();
    await settled();
    button('balloon 7').click();
    expect(calls.at(-1)).toMatchObject({ name: 'controller/select_target', request: { track_id: '7' } });
  });
});

describe('presets and patterns', () => {
  it('asks before it overwrites a preset', async () => {
    const { root, button, calls } = await shown(<Presets />);
    set(root.querySelector('input[type=text]'), 'Door');
    await settled();
    button('Save this direction').click();
    await settled();
    expect(button('Overwrite “Door”')).toBeDefined();
    expect(calls).toEqual([]);
  });

  it('runs presets whose names have a comma', async () => {
    const { turret, status, root, text } = await shown(<Patterns />);
    turret.presets = [{ name: 'a, b', pan: 0, tilt: 0 }];
    status();
    const kind = root.querySelector('select');
    if (kind !== null) kind.value = '0';
    kind?.dispatchEvent(new Event('change', { bubbles: true }));
    await settled();
    root.querySelector<HTMLInputElement>('.checks input')?.click();
    await settled();
    expect(root.querySelectorAll('.sequence li')).toHaveLength(1);
    expect(text()).toContain('a, b');
  });
});

describe('zones', () => {
  it('does not overwrite what another operator saved meanwhile', async () => {
    zoneDraft.value = null;
    const { turret, status, button, text, calls } = await shown(<Zones feed={feed} />);
    button('Add zone here').click();
    await settled();
    turret.zones = [...turret.zones, { name: 'SET BY ANOTHER', kind: 0, pan_min: 0, pan_max: 0.1, tilt_min: 0, tilt_max: 0.1 }];
    status();
    await settled();
    expect(text()).toContain('changed by another operator');
    expect(button('Save zones').disabled).toBe(true);
    button('Keep both').click();
    await settled();
    button('Save zones').click();
    await settled();
    const saved = calls.find(({ name }) => name === 'safety/set_zones')?.request['zones'] as { name: string }[];
    expect(saved.map(({ name }) => name)).toEqual(['Window', 'Range', 'SET BY ANOTHER', 'Zone 3']);
    expect(zoneDraft.value).toBeNull();
  });

  it('lets a zone be drawn on the video only once a pixel has a direction', async () => {
    feed.isProjectable.value = false;
    const { button } = await shown(<Zones feed={feed} />);
    expect(button('Draw on the video').disabled).toBe(true);
    expect(button('Draw on the video').title).toBe(t.zones.noPose);
    feed.isProjectable.value = true;
    await settled();
    expect(button('Draw on the video').disabled).toBe(false);
  });

  it('keeps the field that is being edited', async () => {
    zoneDraft.value = null;
    const { root, button } = await shown(<Zones feed={feed} />);
    const name = root.querySelector<HTMLInputElement>('.zones input[type=text]');
    name?.focus();
    set(name, 'Windows');
    await settled();
    expect(root.querySelector('.zones input[type=text]')).toBe(name);
    expect(document.activeElement).toBe(name);
    button('Discard changes').click();
    await settled();
    expect(zoneDraft.value).toBeNull();
  });
});

describe('picking', () => {
  it('is for one purpose at a time', async () => {
    const { panel, button } = await shown(<Setup />);
    button('Mark the laser dot').click();
    await settled();
    button('Teach a color').click();
    await settled();
    expect(button('Mark the laser dot').getAttribute('aria-pressed')).toBe('false');
    expect(panel.picking.current.value?.owner).toBe('color');
    button('Teach a color').click();
    await settled();
    expect(panel.picking.current.value).toBeNull();
  });

  it('ends when its view is left', async () => {
    const { panel, button, show } = await shown(<Setup />);
    button('Mark the laser dot').click();
    await show(<p />);
    expect(panel.picking.current.value).toBeNull();
  });
});

describe('set-up', () => {
  it('does not set an empty angle as zero', async () => {
    const { root, button, calls } = await shown(<Setup />);
    const left = [...root.querySelectorAll('label')].find((label) => label.textContent?.startsWith('Left'))?.querySelector('input') ?? null;
    set(left, '');
    await settled();
    expect(button('Set angles').disabled).toBe(true);
    set(left, '1.5');
    await settled();
    button('Set angles').click();
    const request = calls.at(-1)?.request as { azimuth: number };
    expect(request.azimuth).toBeCloseTo((1.5 * Math.PI) / 180);
  });

  it('asks before it moves home', async () => {
    const { button, calls } = await shown(<Setup />);
    button('This is home').click();
    await settled();
    expect(button('Move all zones')).toBeDefined();
    expect(calls).toEqual([]);
  });
});

describe('camera and detector', () => {
  it('shows the camera settings as sliders', async () => {
    const { root, text } = await shown(<Camera />);
    await settled();
    expect(root.querySelectorAll('input[type=range]').length).toBeGreaterThanOrEqual(3);
    expect(text()).toContain('Brightness');
  });

  it('reports why a detector does not start', async () => {
    const { turret, status, root, panel, text } = await shown(<Detector />);
    const method = root.querySelector('select');
    if (method !== null) method.value = 'onnx';
    method?.dispatchEvent(new Event('change', { bubbles: true }));
    await settled();
    status();
    await settled();
    expect(turret.parameters['vision']?.['method']?.value).toBe('onnx');
    expect(panel.notices.history.value[0]?.message).toContain('no model is configured');
    expect(text()).toContain('onnx (does not start)');
  });
});

describe('files', () => {
  it('lists the media without being asked', async () => {
    const { text } = await shown(<Media />);
    await settled();
    expect(text()).toContain('2 files');
    expect(text()).toContain('video_20261129_101700.mp4');
  });

  it('lists the bags, the automatic ones apart', async () => {
    const { root, text } = await shown(<Bags />);
    await settled();
    expect(text()).toContain('20261129_101000_test');
    expect(root.querySelector('details')?.textContent).toContain('fault_safety');
    expect(isAutomatic({ name: '20261129_from_the_panel' } as never)).toBe(false);
  });

  it('keeps the extension when it renames', () => {
    expect(splitName('still_1.door.jpg')).toEqual(['still_1.door', '.jpg']);
    expect(splitName('plain')).toEqual(['plain', '']);
  });
});

describe('settings', () => {
  it('finds settings and says when there is none', async () => {
    const { root, text } = await shown(<Settings />);
    await settled();
    expect(text()).toContain('Brightness');
    set(root.querySelector('input[type=search]'), 'no such thing');
    await settled();
    expect(text()).toContain('No setting matches “no such thing”.');
  });

  it('shows angles in degrees and reads them back', () => {
    const parameter = { name: 'fov', description: 'Field of view [rad]', type: 3, value: 1, readOnly: false, choices: [], minimum: null, maximum: null };
    const { title, unit, scale } = shownAs(parameter);
    expect([title, unit]).toEqual(['Field of view', '°']);
    expect(fieldText(1, scale)).toBe('57.29578');
    expect(fieldValue('57.29578', parameter, scale)).toBeCloseTo(1);
    expect(fieldValue('', parameter, scale)).toBeNull();
  });

  it('exports and imports YAML', () => {
    const tree = { camera: { brightness: 0.5, color_gains: [1.6, 1.9], 'audio.source': 'alsa: "x"', auto_exposure: true } };
    expect(fromYaml(toYaml(tree))).toEqual(tree);
    expect(fromYaml("/turret/camera:\n  ros__parameters:\n    audio:\n      source: 'a'\n")).toEqual({ camera: { 'audio.source': 'a' } });
    expect(() => fromYaml('camera: {x')).not.toThrow();
    expect(() => fromYaml('- x')).toThrow('line 1');
  });
});

describe('status', () => {
  it('shows one chip per section and its rows in a drawer', async () => {
    const { root, text } = await shown(<StatusChips />);
    expect(root.querySelectorAll('.chip')).toHaveLength(7);
    root.querySelector<HTMLButtonElement>('.chip[data-section=safety]')?.click();
    await settled();
    expect(text()).toContain('Blocked by');
    expect(text()).toContain('Person exclusion');
  });

  it('shows every chip as unknown while the link is lost', async () => {
    const { panel, root } = await shown(<StatusChips />);
    panel.store.connection.value = 'closed';
    await settled();
    expect([...root.querySelectorAll('.chip')].every((chip) => chip.getAttribute('data-tone') === 'unknown')).toBe(true);
  });
});

describe('plots', () => {
  it('finds every number of the status', () => {
    const { turret } = bench();
    const paths = numbersOf(turret.status()).map(([path]) => path);
    expect(paths).toContain('gimbal.pan.position');
    expect(paths.length).toBeGreaterThan(60);
  });

  it('writes CSV with units', () => {
    expect(toCsv([{ label: 'Pan', unit: '°' }], [[0, 0.5], [1, null]])).toBe('time [s],"Pan [°]"\n0,1\n0.5,\n');
  });
});
