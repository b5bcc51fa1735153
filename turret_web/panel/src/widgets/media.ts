/** Stills, video recording, live sound and the media library. */

import { button, field, h, setHidden, setList, setText } from '../dom';
import { bytes, duration, localTime, number } from '../format';
import { AudioState, MediaItem } from '../generated/interfaces';
import { LiveAudio } from '../live_audio';
import type { Panel, Widget } from '../panel';
import { confirmButton } from './confirm_button';

const STOP_TIMEOUT_MS = 10_000;

export function media(panel: Panel): Widget {
  const label = h('input', { type: 'text', maxlength: 40, placeholder: 'optional' });
  const annotated = h('input', { type: 'checkbox' });
  const still = button('Take still', () => { void takeStill(); });
  const start = button('Record video', () => { void startRecording(); });
  const stop = button('Stop recording', () => { void stopRecording(); }, { class: 'danger' });
  const recording = h('span', { class: 'quiet' });
  const speaker = h('audio', {});
  const sound = new LiveAudio(speaker, (reason) => panel.notices.failed(reason));
  const listen = button('Listen', () => { if (sound.isOn) sound.stop(); else sound.start('audio'); });
  const microphone = h('span', { class: 'quiet' });
  const refresh = button('Refresh list', () => { void list(); });
  const items = h('ul', { class: 'items' });
  const viewer = h('div', { class: 'viewer', hidden: true });
  const count = h('span', { class: 'quiet' });

  async function takeStill(): Promise<void> {
    const saved = await panel.command('camera/capture_still', { label: label.value });
    if (saved === null) return;
    panel.notices.done(`Saved ${saved.name}`);
    await list();
  }

  async function startRecording(): Promise<void> {
    await panel.command('camera/start_recording', { label: label.value, annotated: annotated.checked, max_s: 0 });
  }

  async function stopRecording(): Promise<void> {
    const saved = await panel.command('camera/stop_recording', {}, STOP_TIMEOUT_MS);
    if (saved !== null) panel.notices.done(`Saved ${saved.name}, ${duration(saved.duration_s)}`);
    await list();
  }

  async function list(): Promise<void> {
    const answer = await panel.command('camera/list_media', {});
    if (answer === null) return;
    setText(count, `${answer.items.length} files`);
    setList(items, answer.items, JSON.stringify, row);
  }

  function view(name: string, address: string, isVideo: boolean): void {
    setHidden(viewer, false);
    viewer.replaceChildren(
      isVideo ? h('video', { src: address, controls: true, autoplay: true }) : h('img', { src: address, alt: name }),
      h('div', { class: 'line' }, h('span', { class: 'name' }, name), button('Close', () => {
        viewer.replaceChildren();
        setHidden(viewer, true);
      })));
    viewer.scrollIntoView({ block: 'nearest' });
  }

  function row(item: MediaItem): HTMLElement {
    const address = `media/${encodeURIComponent(item.name)}`;
    const isVideo = item.kind === MediaItem.KIND_VIDEO;
    const name = h('input', { type: 'text', value: item.name, 'aria-label': `Name of ${item.name}` });
    return h('li', {},
      h('img', {
        class: 'thumbnail', src: `media/thumbnails/${encodeURIComponent(item.name)}`, alt: '', loading: 'lazy',
        onerror: (event: Event) => { (event.target as HTMLElement).style.visibility = 'hidden'; },
      }),
      button(item.name, () => view(item.name, address, isVideo), { class: 'name' }),
      h('span', { class: 'quiet' }, [
        isVideo ? duration(item.duration_s) : '', bytes(item.size), localTime(item.modified),
      ].filter(Boolean).join(' · ')),
      h('a', { href: address, download: item.name }, 'Download'),
      h('details', {}, h('summary', {}, 'Rename'), h('div', { class: 'line' }, name, button('Apply', () => {
        void panel.command('camera/rename_media', { name: item.name, new_name: name.value }).then(list);
      }))),
      confirmButton('Delete', 'Really?', () => {
        void panel.command('camera/delete_media', { name: item.name }).then(list);
      }));
  }

  const element = h('div', { class: 'stack' },
    h('div', { class: 'line' }, field('Label', label), h('label', { class: 'check' }, annotated, 'With overlay')),
    h('div', { class: 'line' }, still, start, stop, recording),
    h('div', { class: 'line' }, listen, microphone, speaker),
    h('div', { class: 'line' }, refresh, count), viewer, items);
  return {
    element,
    update() {
      const state = panel.store.section('camera')?.recording;
      const isActive = state?.active ?? false;
      setHidden(still, !panel.offers('camera/capture_still'));
      setHidden(start, isActive || !panel.offers('camera/start_recording'));
      setHidden(stop, !isActive);
      setHidden(refresh, !panel.offers('camera/list_media'));
      setText(recording, isActive && state !== undefined ? [
        state.filename, duration(state.duration_s), bytes(state.size), state.audio ? 'with sound' : 'silent',
        state.dropped > 0 ? `${state.dropped} frames dropped` : '',
      ].filter(Boolean).join(' · ') : '');
      const audio = panel.store.section('camera')?.audio;
      const hasMicrophone = audio !== undefined && audio.status !== AudioState.STATUS_OFF;
      setHidden(listen, !hasMicrophone);
      setText(listen, sound.isOn ? 'Stop listening' : 'Listen');
      setText(microphone, !hasMicrophone ? 'No microphone is configured (camera: audio.source)' : [
        audio.source, audio.message, audio.level === null ? '' : `${number(audio.level, 0)} dBFS`,
      ].filter(Boolean).join(' · '));
    },
  };
}
