// SPDX-License-Identifier: Apache-2.0
/** Named directions: save, go to, rename, reorder, delete. Keys 1 to 9 and 0 go to the first ten. */

import { useSignal } from '@preact/signals';
import type { VNode } from 'preact';

import type { Preset } from '../../generated/interfaces';
import { degrees } from '../../state/format';
import type { Panel } from '../../state/panel';
import { remembered } from '../../state/settings';
import { t } from '../../text';
import { usePanel } from '../../ui/app_context';
import { Button, ConfirmButton, Group, Why } from '../../ui/controls';

const KEYS = '1234567890';
/** A change of the list may take so long to arrive [ms]. */
const LIST_MS = 2000;
export const MAX_NAME = 40;

/** Small images of the presets by name, as data URLs, kept in this browser. */
const stored = remembered('turret.preset-images', '{}');

function images(): Record<string, string> {
  try {
    return JSON.parse(stored.value) as Record<string, string>;
  } catch {
    return {};
  }
}

/** Keep what the video shows now as the image of a preset. */
function keepImage(name: string): void {
  const source = document.querySelector<HTMLCanvasElement>('canvas.pixels');
  const small = document.createElement('canvas');
  Object.assign(small, { width: 96, height: 72 });
  const context = small.getContext('2d');
  if (source === null || source.width === 0 || !context) return;
  context.drawImage(source, 0, 0, 96, 72);
  stored.value = JSON.stringify({ ...images(), [name]: small.toDataURL('image/jpeg', 0.7) });
}

/** The first free "Preset N". */
export function nextName(taken: readonly Preset[]): string {
  let number = 1;
  while (taken.some(({ name }) => name === t.presets.numbered(number))) number += 1;
  return t.presets.numbered(number);
}

const save = (panel: Panel, preset: Preset): Promise<unknown> => panel.command('controller/save_preset', { ...preset, current: false });

/** Wait until the list shows the names of presets that the turret has; a list that is behind must not be edited. */
async function listShows(panel: Panel, names: readonly string[]): Promise<void> {
  const deadline = performance.now() + LIST_MS;
  const is = (): boolean => JSON.stringify((panel.store.section('controller')?.presets ?? []).map(({ name }) => name)) === JSON.stringify(names);
  while (!is() && performance.now() < deadline) await new Promise((resolve) => { setTimeout(resolve, 50); });
}

/** Save the presets in a new order: the turret keeps them in the order in which they were saved. */
async function reorder(panel: Panel, presets: readonly Preset[], from: number, by: number): Promise<void> {
  const order = [...presets];
  const [moved] = order.splice(from, 1);
  if (moved === undefined) return;
  order.splice(from + by, 0, moved);
  const first = Math.min(from, from + by);
  for (const preset of order.slice(first)) {
    if (await panel.command('controller/delete_preset', { name: preset.name }) === null) return;
    if (await save(panel, preset) !== null || await save(panel, preset) !== null) continue;
    panel.notices.done(t.presets.lost(preset.name), () => { void save(panel, preset); });
    return;
  }
}

export function Presets(): VNode {
  const panel = usePanel();
  const name = useSignal('');
  const renaming = useSignal<{ from: string; to: string } | null>(null);
  const known = panel.store.section('controller')?.presets ?? [];
  const isChanging = useSignal(false);
  const why = panel.whyNotControl.value || (isChanging.value ? t.presets.changing : '');
  const wanted = name.value.trim() || nextName(known);
  const exists = known.some((preset) => preset.name === wanted);
  const shown = images();

  async function saveCurrent(): Promise<void> {
    const saved = await panel.command('controller/save_preset', { name: wanted, current: true, pan: 0, tilt: 0 });
    if (saved === null) return;
    keepImage(wanted);
    name.value = '';
  }

  /** Change the list, and allow the next change once the list shows this one. */
  async function change(act: () => Promise<unknown>, names: readonly string[]): Promise<void> {
    isChanging.value = true;
    try {
      await act();
      await listShows(panel, names);
    } finally {
      isChanging.value = false;
    }
  }

  function move(from: number, by: number): void {
    const names = known.map(({ name: of }) => of);
    names.splice(from + by, 0, ...names.splice(from, 1));
    void change(() => reorder(panel, known, from, by), names);
  }

  async function rename(preset: Preset, to: string): Promise<void> {
    renaming.value = null;
    const text = to.trim();
    if (text === '' || text === preset.name) return;
    if (known.some((other) => other.name === text)) {
      panel.notices.failed(t.presets.taken(text));
      return;
    }
    await change(async () => {
      if (await save(panel, { ...preset, name: text }) === null) return;
      const { [preset.name]: image, ...others } = images();
      if (image !== undefined) stored.value = JSON.stringify({ ...others, [text]: image });
      await panel.command('controller/delete_preset', { name: preset.name });
    }, [...known.map(({ name: of }) => of).filter((of) => of !== preset.name), text]);
  }

  async function remove(preset: Preset): Promise<void> {
    if (await panel.command('controller/delete_preset', { name: preset.name }) === null) return;
    panel.notices.done(t.presets.deleted(preset.name), () => { void save(panel, preset); });
  }

  return (
    <Group title={t.presets.title} section="controller">
      <form class="line" onSubmit={(event) => { event.preventDefault(); if (!exists && why === '') void saveCurrent(); }}>
        <input
          type="text" maxLength={MAX_NAME} placeholder={nextName(known)} aria-label={t.presets.name} value={name.value}
          onInput={(event) => { name.value = event.currentTarget.value; }}
        />
        {exists
          ? <ConfirmButton label={t.presets.save} confirmLabel={t.presets.overwrite(wanted)} why={why} onConfirm={() => { void saveCurrent(); }} />
          : <Button why={why} onClick={() => { void saveCurrent(); }}>{t.presets.save}</Button>}
      </form>
      <p class="quiet">{name.value.length >= MAX_NAME ? t.presets.longest(MAX_NAME) : ''}</p>
      {known.length === 0 ? <p class="quiet">{t.presets.empty}</p> : (
        <ul class="items">
          {known.map((preset, i) => (
            <li key={preset.name}>
              <kbd>{KEYS[i] ?? ''}</kbd>
              {shown[preset.name] === undefined ? null : <img class="thumb" src={shown[preset.name]} alt="" />}
              {renaming.value?.from === preset.name ? (
                <form class="line name" onSubmit={(event) => { event.preventDefault(); void rename(preset, renaming.value?.to ?? ''); }}>
                  <input
                    type="text" maxLength={MAX_NAME} autofocus aria-label={t.presets.newName} value={renaming.value.to}
                    onInput={(event) => { renaming.value = { from: preset.name, to: event.currentTarget.value }; }}
                  />
                  <button type="submit">{t.fields.apply}</button>
                </form>
              ) : (
                <Button class="name" why={why} onClick={() => { void panel.command('controller/recall_preset', { name: preset.name }); }}>{preset.name}</Button>
              )}
              <span class="quiet">{degrees(preset.pan)} / {degrees(preset.tilt)}</span>
              <span class="line end">
                <Button icon="up" tone="quiet" why={why || (i === 0 ? t.presets.first : '')} aria-label={t.presets.moveUp(preset.name)} onClick={() => move(i, -1)} />
                <Button icon="down" tone="quiet" why={why || (i === known.length - 1 ? t.presets.last : '')} aria-label={t.presets.moveDown(preset.name)} onClick={() => move(i, 1)} />
                <Button why={why} onClick={() => { renaming.value = { from: preset.name, to: preset.name }; }}>{t.fields.rename}</Button>
                <ConfirmButton label={t.fields.delete} confirmLabel={t.fields.deleteNow} why={why} onConfirm={() => { void remove(preset); }} />
              </span>
            </li>
          ))}
        </ul>
      )}
      <Why text={why} />
    </Group>
  );
}

/** The first presets as buttons on the video. */
export function PresetChips(): VNode | null {
  const panel = usePanel();
  const known = panel.store.section('controller')?.presets ?? [];
  if (known.length === 0) return null;
  return (
    <div class="preset-chips" role="group" aria-label={t.presets.title}>
      {known.slice(0, 6).map(({ name }, i) => (
        <Button key={name} why={panel.whyNotControl.value} onClick={() => { void panel.command('controller/recall_preset', { name }); }}>
          <kbd>{KEYS[i]}</kbd> {name}
        </Button>
      ))}
    </div>
  );
}
