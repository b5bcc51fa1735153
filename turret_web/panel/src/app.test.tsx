// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { signal } from '@preact/signals';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { bench, settled, type Bench } from '../test/component';
import { AppPage } from './app';
import { soundStatus } from './bridge/checks';
import { SECTION_NAMES } from './bridge/sections';
import { SHAPES, type Track, type TurretStatus } from './generated/interfaces';
import type { Stage } from './state/actions';
import { tourSeen } from './state/settings';
import { watch } from './state/watchdog';

vi.mock('uplot', () => ({
  default: class {
    width = 0;
    setSize(): void { /* nothing is drawn */ }
    setData(): void { /* nothing is drawn */ }
    setScale(): void { /* nothing is drawn */ }
    destroy(): void { /* nothing is drawn */ }
  },
}));

async function page(queries: readonly string[] = []): Promise<Bench> {
  tourSeen.value = 'yes';
  window.matchMedia = ((query: string) => ({
    matches: queries.some((each) => query.includes(each)), addEventListener: () => undefined, removeEventListener: () => undefined,
  })) as never;
  document.head.innerHTML = '<link rel="icon" href="./icon.svg">';
  const made = bench();
  made.takeControl();
  made.status();
  await made.show(<AppPage stage={signal<Stage | null>(null)} openView={signal(false)} />);
  await settled();
  return made;
}

describe('page', () => {
  afterEach(() => { document.body.replaceChildren(); });

  it.each(['drive', 'presets', 'zones', 'aim', 'camera', 'media', 'bags', 'plots', 'setup', 'settings', 'system'])('shows the view %s', async (view) => {
    const { root, panel } = await page();
    root.querySelector<HTMLButtonElement>(`#tab-${view}`)?.click();
    await settled();
    expect(panel.view.value).toBe(view);
    expect(root.querySelector('.failed-part')).toBeNull();
    expect(root.querySelectorAll('.view .group').length).toBeGreaterThan(0);
  });

  it('changes the view with the arrow keys', async () => {
    const { root, panel } = await page();
    root.querySelector('.rail')?.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowDown' }));
    await settled();
    expect(panel.view.value).toBe('presets');
  });

  it('begins each view at its top, wherever the one before was', async () => {
    const { root } = await page();
    const before = root.querySelector('#view');
    if (before !== null) before.scrollTop = 120;
    root.querySelector<HTMLButtonElement>('#tab-bags')?.click();
    await settled();
    expect(before?.scrollTop).toBe(120);
    expect(root.querySelector('#view')?.scrollTop).toBe(0);
    expect(root.querySelectorAll('#view')).toHaveLength(1);
  });

  it('shows in title and icon what the laser does', async () => {
    const { turret, status, panel } = await page();
    expect(document.title).toBe('Turret turret');
    turret.overrides.set('laser.state', 3);
    turret.overrides.set('laser.emitting', true);
    status();
    await vi.waitFor(() => expect(document.title).toContain('FIRING'));
    expect(document.querySelector('link')?.getAttribute('href')).toContain('icon-emitting.svg');
    panel.store.connection.value = 'closed';
    await vi.waitFor(() => expect(document.title).toBe('? Turret turret'));
  });

  it('puts stop and fire at the thumbs on a phone', async () => {
    const { root } = await page(['max-width: 819px']);
    expect(root.querySelectorAll('.thumbs .stop, .thumbs .fire')).toHaveLength(2);
    expect(root.querySelectorAll('.stop')).toHaveLength(1);
  });

  it('survives a status that a widget cannot show', async () => {
    const { root, turret, panel, status } = await page();
    panel.store.acceptStatus({ ...turret.status(), vision: { ...turret.status().vision, detection: null as never } }, performance.now());
    root.querySelector<HTMLButtonElement>('#tab-camera')?.click();
    await settled();
    expect(root.querySelector('.failed-part')).not.toBeNull();
    status();
    await settled();
    expect(root.querySelector('.stop')).not.toBeNull();
    expect(root.querySelector('[data-testid=status-seq]')?.textContent).toBe(`#${panel.store.status.value?.seq}`);
  });

  const VIEWS = ['drive', 'presets', 'zones', 'aim', 'camera', 'media', 'bags', 'plots', 'setup', 'settings', 'system'];
  const LONG = 'x'.repeat(240);

  /** A status with every number that may be unknown unknown, by the interface definitions. */
  function unknowns(value: unknown, type: string): unknown {
    if (type.endsWith('[]')) return (value as unknown[]).map((item) => unknowns(item, type.slice(0, -2)));
    if (type === 'Float') return null;
    if (SHAPES[type] === undefined) return value;
    return Object.fromEntries(SHAPES[type].split(' ').filter(Boolean).map((member) => {
      const [name = '', kind = ''] = member.split(':');
      return [name, unknowns((value as Record<string, unknown>)[name], kind)];
    }));
  }

  it.each([
    ['every number unknown', (made: Bench) => {
      const status = unknowns(made.turret.status(), 'TurretStatus') as TurretStatus;
      for (const name of SECTION_NAMES) status[`${name}_age_s`] = 0.1;
      return { ...status, period_s: 0.5 };
    }],
    ['every list empty', (made: Bench) => {
      Object.assign(made.turret, { zones: [], presets: [], media: [], bags: [], faults: [] });
      return { ...made.turret.status(), tracks: [] };
    }],
    ['150 items with endless names in every list', (made: Bench) => {
      const names = Array.from({ length: 150 }, (_, i) => `${LONG}${i}`);
      const { turret } = made;
      Object.assign(turret, {
        zones: names.map((name) => ({ ...turret.zones[0], name })), presets: names.map((name) => ({ ...turret.presets[0], name })),
        media: names.map((name) => ({ ...turret.media[0], name })), bags: names.map((name) => ({ ...turret.bags[0], name })),
        faults: names.map((name) => ({ node: name, code: 402, message: name, severity: 2, age_s: 1, active: true })),
      });
      return { ...turret.status(), tracks: names.map((id) => ({ ...turret.tracks()[0], id, class_id: LONG })) as Track[] };
    }],
  ])('shows every view with %s', async (_, make) => {
    const made = await page();
    const problems: string[] = [];
    const fault = (event: ErrorEvent): void => { problems.push(event.message); };
    window.addEventListener('error', fault);
    const status = soundStatus(make(made));
    expect(status?.problems).toEqual([]);
    if (status !== null) made.panel.store.acceptStatus(status.status, made.panel.store.now.peek());
    for (const view of VIEWS) {
      made.root.querySelector<HTMLButtonElement>(`#tab-${view}`)?.click();
      await settled();
      expect(made.root.querySelector('.failed-part')?.textContent ?? '', view).toBe('');
      expect(made.text(), view).not.toMatch(/NaN|undefined|null|Infinity|\[object/);
    }
    window.removeEventListener('error', fault);
    expect(problems).toEqual([]);
  });

  it('records operator changes for the history', async () => {
    const { panel, turret, status } = await page();
    status();
    await settled();
    expect(panel.notices.history.value).toEqual([]);
    turret.call('safety/acquire_lease', { name: 'Bob', take_over: true });
    status();
    await settled();
    expect(panel.notices.history.value.map(({ message }) => message)).toContain('Bob has control');
  });
});

describe('watchdog', () => {
  it('shows the stale banner without any widget', async () => {
    const { panel, status } = bench();
    const banner = document.createElement('div');
    banner.hidden = true;
    status();
    const end = watch(panel.store, banner, document.body);
    expect([banner.hidden, document.body.classList.contains('stale')]).toEqual([true, false]);
    panel.store.connection.value = 'closed';
    await new Promise((resolve) => { setTimeout(resolve, 150); });
    expect([banner.hidden, document.body.classList.contains('stale')]).toEqual([false, true]);
    expect(banner.textContent).toContain('No connection to the turret. Everything below is');
    end();
  });

  it('keeps counting when an effect fails', async () => {
    const { panel } = bench();
    const error = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    panel.store.now.subscribe((now) => { if (now > 0) throw new Error('a widget failed'); });
    const banner = document.createElement('div');
    const end = watch(panel.store, banner, document.body);
    await new Promise((resolve) => { setTimeout(resolve, 250); });
    expect(panel.store.now.peek()).toBeGreaterThan(0);
    expect(banner.hidden).toBe(false);
    end();
    error.mockRestore();
  });
});
