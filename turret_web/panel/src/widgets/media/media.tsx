// SPDX-License-Identifier: Apache-2.0
/** Stills, video recording, live sound and the media library as a grid. */

import { useSignal } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';

import { AudioState, MediaItem } from '../../generated/interfaces';
import { bytes, counted, duration, localTime, number } from '../../state/format';
import { t } from '../../text';
import { usePanel } from '../../ui/app_context';
import { Button, Check, ConfirmButton, Field, Group, NumberField } from '../../ui/controls';
import { Dialog } from '../../ui/dialog';
import { useNumber } from '../../ui/hooks';
import { LiveAudio } from '../../video/live_audio';

const STOP_TIMEOUT_MS = 10_000;

const addressOf = (name: string): string => `media/${encodeURIComponent(name)}`;

/** File name without its extension, and the extension with its dot. */
export function splitName(name: string): [stem: string, extension: string] {
  const dot = name.lastIndexOf('.');
  return dot <= 0 ? [name, ''] : [name.slice(0, dot), name.slice(dot)];
}

export function Media(): VNode {
  const panel = usePanel();
  const state = panel.store.section('camera')?.recording;
  const isActive = state?.active ?? false;
  const label = useSignal('');
  const annotated = useSignal(false);
  const items = useSignal<readonly MediaItem[] | null>(null);
  const viewed = useSignal<string | null>(null);
  const chosen = useSignal<ReadonlySet<string>>(new Set());
  const delay = useNumber(0, 0, 60, true);
  const countdown = useSignal(0);
  const why = panel.whyNotOperator.value;

  async function list(): Promise<void> {
    if (!panel.offers('camera/list_media')) return;
    const answer = await panel.command('camera/list_media', {});
    if (answer !== null) items.value = answer.items;
  }

  // The list follows what happens on the disk: when this view is opened, and when a recording begins or ends.
  useEffect(() => { if (!panel.store.stale.value) void list(); }, [isActive, panel.store.stale.value]);

  async function takeStill(): Promise<void> {
    for (countdown.value = delay.value ?? 0; countdown.value > 0; countdown.value -= 1) {
      await new Promise((resolve) => { setTimeout(resolve, 1000); });
    }
    const saved = await panel.command('camera/capture_still', { label: label.value });
    if (saved === null) return;
    panel.notices.done(t.media.saved(saved.name));
    await list();
  }

  async function stop(): Promise<void> {
    const saved = await panel.command('camera/stop_recording', {}, STOP_TIMEOUT_MS);
    if (saved !== null) panel.notices.done(t.media.savedVideo(saved.name, duration(saved.duration_s)));
    await list();
  }

  async function remove(names: readonly string[]): Promise<void> {
    for (const name of names) await panel.command('camera/delete_media', { name });
    chosen.value = new Set();
    viewed.value = null;
    await list();
  }

  const item = items.value?.find(({ name }) => name === viewed.value);
  return (
    <Group title={t.media.title} section="camera">
      <div class="line">
        <Field label={t.media.label}>
          <input type="text" maxLength={40} placeholder={t.fields.optional} value={label.value} onInput={(event) => { label.value = event.currentTarget.value; }} />
        </Field>
        <NumberField label={t.media.timer} box={delay} step={1} />
      </div>
      <div class="line">
        <Button icon="still" why={why || (countdown.value > 0 ? t.media.counting(countdown.value) : delay.error)} onClick={() => { void takeStill(); }}>
          {countdown.value > 0 ? t.media.counting(countdown.value) : t.media.still}
        </Button>
        {isActive
          ? <Button tone="danger" why={why} onClick={() => { void stop(); }}>{t.media.stopVideo}</Button>
          : <Button icon="record" why={why} onClick={() => { void panel.command('camera/start_recording', { label: label.value, annotated: annotated.value, max_s: 0 }); }}>{t.media.startVideo}</Button>}
        <Check label={t.media.annotated} checked={annotated.value} onChange={(value) => { annotated.value = value; }} />
      </div>
      <p class="quiet">
        {isActive && state !== undefined ? [
          state.filename, duration(state.duration_s), bytes(state.size), state.audio ? t.media.withSound : t.media.silent,
          state.dropped > 0 ? t.media.dropped(state.dropped) : '',
        ].filter(Boolean).join(' · ') : why}
      </p>
      <Listen />
      {items.value === null ? <p class="quiet">{t.fields.loading}</p> : items.value.length === 0 ? <p class="quiet">{t.media.empty}</p> : (
        <>
          <div class="line">
            <span class="quiet">{counted(items.value.length, t.media.file, t.media.files)}</span>
            <span class="push" />
            {chosen.value.size > 0
              ? <ConfirmButton label={t.media.deleteChosen(chosen.value.size)} confirmLabel={t.fields.deleteNow} why={why} onConfirm={() => { void remove([...chosen.value]); }} />
              : null}
            <Button onClick={() => { void list(); }}>{t.fields.refresh}</Button>
          </div>
          <ul class="grid">
            {items.value.map(({ name, kind, size, duration_s: length, modified }) => (
              <li key={name} class="medium" data-kind={kind === MediaItem.KIND_VIDEO ? 'video' : 'still'}>
                <button type="button" class="thumbnail" title={t.media.view(name)} onClick={() => { viewed.value = name; }}>
                  <img
                    loading="lazy" alt={t.media.view(name)} src={`media/thumbnails/${encodeURIComponent(name)}`}
                    onError={(event) => { event.currentTarget.style.visibility = 'hidden'; }}
                  />
                  {kind === MediaItem.KIND_VIDEO ? <span class="length">▶ {duration(length)}</span> : null}
                </button>
                <label class="check">
                  <input
                    type="checkbox" checked={chosen.value.has(name)} aria-label={t.media.choose(name)}
                    onChange={(event) => {
                      const next = new Set(chosen.value);
                      if (event.currentTarget.checked) next.add(name);
                      else next.delete(name);
                      chosen.value = next;
                    }}
                  />
                  <span class="name" title={name}>{name}</span>
                </label>
                <span class="quiet">{bytes(size)} · {localTime(modified)}</span>
              </li>
            ))}
          </ul>
        </>
      )}
      {item === undefined ? null : (
        <Viewer key={item.name} item={item} why={why} onClose={() => { viewed.value = null; }} onDelete={() => { void remove([item.name]); }} onRenamed={(name) => { viewed.value = name; void list(); }} />
      )}
    </Group>
  );
}

function Viewer({ item, why, onClose, onDelete, onRenamed }: {
  item: MediaItem; why: string; onClose: () => void; onDelete: () => void; onRenamed: (name: string) => void;
}): VNode {
  const panel = usePanel();
  const [stem, extension] = splitName(item.name);
  const name = useSignal(stem);
  const zoom = useSignal(1);
  const address = addressOf(item.name);
  async function rename(): Promise<void> {
    const next = `${name.value.trim()}${extension}`;
    if (await panel.command('camera/rename_media', { name: item.name, new_name: next }) !== null) onRenamed(next);
  }
  return (
    <Dialog title={item.name} onClose={onClose} class="viewer">
      {item.kind === MediaItem.KIND_VIDEO ? <video src={address} controls autoPlay /> : (
        <div class="still" data-zoomed={zoom.value > 1}>
          <img src={address} alt={item.name} style={{ width: `${zoom.value * 100}%` }} />
        </div>
      )}
      <div class="line">
        {item.kind === MediaItem.KIND_VIDEO ? null : (
          <>
            <Button icon="plus" aria-label={t.video.zoomIn} onClick={() => { zoom.value = Math.min(6, zoom.value * 1.5); }} />
            <Button icon="minus" aria-label={t.video.zoomOut} onClick={() => { zoom.value = Math.max(1, zoom.value / 1.5); }} />
          </>
        )}
        <a class="button" href={address} download={item.name}>{t.fields.download}</a>
        <span class="quiet">{bytes(item.size)} · {localTime(item.modified)}</span>
        <span class="push" />
        <ConfirmButton label={t.fields.delete} confirmLabel={t.fields.deleteNow} why={why} onConfirm={onDelete} />
      </div>
      <form class="line" onSubmit={(event) => { event.preventDefault(); void rename(); }}>
        <Field label={t.media.newName}>
          <input type="text" maxLength={80} value={name.value} onInput={(event) => { name.value = event.currentTarget.value; }} />
        </Field>
        <span class="quiet">{extension}</span>
        <button type="submit" disabled={why !== '' || name.value.trim() === '' || name.value === stem}>{t.fields.rename}</button>
      </form>
    </Dialog>
  );
}

function Listen(): VNode {
  const panel = usePanel();
  const speaker = useRef<HTMLAudioElement>(null);
  const isOn = useSignal(false);
  const sound = useMemo(() => ({ live: null as LiveAudio | null }), []);
  const audio = panel.store.section('camera')?.audio;
  useEffect(() => () => sound.live?.stop(), []);
  const toggle = (): void => {
    if (speaker.current === null) return;
    sound.live ??= new LiveAudio(speaker.current, (reason) => {
      isOn.value = false;
      panel.notices.failed(reason);
    });
    if (isOn.value) sound.live.stop();
    else sound.live.start('audio');
    isOn.value = !isOn.value;
  };
  const hasMicrophone = audio !== undefined && audio.status !== AudioState.STATUS_OFF;
  return (
    <div class="line">
      <audio ref={speaker} />
      {hasMicrophone ? <Button pressed={isOn.value} onClick={toggle}>{isOn.value ? t.media.stopListening : t.media.listen}</Button> : null}
      <span class="quiet">
        {hasMicrophone
          ? [audio.source, audio.message, audio.level === null ? '' : number(audio.level, 0, 'dBFS')].filter(Boolean).join(' · ')
          : t.media.noMicrophone}
      </span>
    </div>
  );
}
