/** The line that says that everything shown is a recording, with the ways to hold it, step and go elsewhere. */

import { button, h, setHidden, setText } from '../dom';
import { duration } from '../format';
import type { ReplayState } from '../generated/interfaces';
import type { Panel, Widget } from '../panel';

/** A replay that has not told its state for so long is gone [ms]; it tells it ten times a second. */
const SILENCE_MS = 2000;
const RATES = [0.1, 0.25, 0.5, 1, 2, 5, 10] as const;

export function replayBar(panel: Panel): Widget {
  let state: ReplayState | null = null;
  let toldAt = -Infinity;
  let isListening = false;
  let isDragged = false;
  const title = h('strong');
  const place = h('span', { 'data-testid': 'replay-place' });
  const hold = button('Hold', () => {
    const paused = !(state?.paused ?? false) && !(state?.ended ?? false);
    void panel.command('replay/set_paused', { paused });
  });
  const step = button('Step', () => { void panel.command('replay/step', { messages: 0 }); }, {
    title: 'To the next picture',
  });
  const slider = h('input', { type: 'range', min: 0, step: 0.1, 'aria-label': 'Place in the recording' });
  slider.addEventListener('input', () => { isDragged = true; });
  slider.addEventListener('change', () => {
    isDragged = false;
    void panel.command('replay/seek', { position_s: Number(slider.value) });
  });
  const rate = h('select', { 'aria-label': 'Rate of the replay' },
    ...RATES.map((value) => h('option', { value: String(value) }, `${value}×`)));
  rate.addEventListener('change', () => { void panel.command('replay/set_rate', { rate: Number(rate.value) }); });
  const element = h('div', { class: 'banner replay', role: 'status', hidden: true }, title, place, hold, step, slider, rate);

  return {
    element,
    update(now) {
      if (!isListening && panel.isOffered('replay/seek')) {
        isListening = true;
        panel.transport.subscribe('replay/state', (message) => {
          state = message;
          toldAt = performance.now();
        });
      }
      const isThere = state !== null && now - toldAt < SILENCE_MS;
      panel.store.isHeld = isThere && state !== null && (state.paused || state.ended);
      setHidden(element, !isThere);
      if (state === null) return;
      const length = state.duration_s ?? 0;
      const position = state.position_s ?? 0;
      setText(title, `REPLAY ${state.name}${state.into.length > 0 ? `, ${state.into.join(' and ')} again` : ''}`);
      setText(place, `${duration(position)} of ${duration(length)}${state.ended ? ', ended' : ''}`);
      setText(hold, state.paused || state.ended ? 'Go on' : 'Hold');
      step.disabled = !state.paused;
      slider.max = String(length);
      if (!isDragged) slider.value = String(position);
      if (document.activeElement !== rate) rate.value = String(state.rate);
    },
  };
}
