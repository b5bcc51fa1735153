/** What moves the head, and which target it follows. */

import { button, field, h, setDisabled, setHidden, setOptions, setText } from '../dom';
import { EditGuard } from '../edit_guard';
import { ControllerState } from '../generated/interfaces';
import type { ParameterClient } from '../parameters';
import { ParameterType } from '../parameters';
import type { Panel, Widget } from '../panel';
import { constantLabel, reasonName, reasonText } from '../reasons';
import { Card } from './card';
import { segmented } from './segmented';

const MODES = [
  { value: ControllerState.MODE_IDLE, label: 'Idle', title: 'Stand still' },
  { value: ControllerState.MODE_MANUAL, label: 'Manual', title: 'Nudge, jog, look, presets' },
  { value: ControllerState.MODE_TRACK, label: 'Track', title: 'Follow the target (key T)' },
  { value: ControllerState.MODE_OVERLAY, label: 'Overlay', title: 'The crosshair follows on screen, the head stands still' },
];

/** Switch tracking on, or back to manual. */
export function toggleTracking(panel: Panel): void {
  const isTracking = panel.store.section('controller')?.mode === ControllerState.MODE_TRACK;
  const mode = isTracking ? ControllerState.MODE_MANUAL : ControllerState.MODE_TRACK;
  void panel.command('controller/set_mode', { mode });
}

export function tracking(panel: Panel, parameters: ParameterClient): Widget {
  const { store } = panel;
  const mode = segmented('Mode', MODES, (value) => { void panel.command('controller/set_mode', { mode: value }); });
  const priority = h('select', {}, ...Object.entries(ControllerState)
    .filter(([name]) => name.startsWith('PRIORITY_'))
    .map(([, value]) => h('option', { value }, constantLabel(ControllerState, 'PRIORITY_', value))));
  const priorityGuard = new EditGuard(priority, () => {
    void panel.command('controller/select_target', { track_id: '', priority: Number(priority.value) });
  });
  const method = h('select');
  const methodGuard = new EditGuard(method, () => { void setVision('method', ParameterType.STRING, method.value); });
  const enabled = h('input', { type: 'checkbox' });
  const enabledGuard = new EditGuard(enabled, () => {
    void setVision('enabled', ParameterType.BOOL, enabled.checked);
  });
  const target = h('span', { class: 'value' });
  const anyTarget = button('By priority', () => {
    void panel.command('controller/select_target', { track_id: '', priority: Number(priority.value) });
  });
  const why = h('p', { class: 'why' });

  async function setVision(name: string, type: number, value: string | boolean): Promise<void> {
    try {
      const refusal = await parameters.set('vision', name, type, value);
      if (refusal === '') return;
      panel.notices.failed(refusal);
    } catch (error) {
      panel.notices.failed((error as Error).message);
    }
    methodGuard.release();
    enabledGuard.release();
  }

  const card = new Card(panel, 'controller', 'Tracking',
    mode.element,
    h('div', { class: 'line' }, h('span', { class: 'quiet' }, 'Target'), target, anyTarget,
      h('label', { class: 'check last' }, enabled, 'Detect')),
    h('div', { class: 'pair' }, field('Priority', priority), field('Detector', method)),
    why);
  return {
    element: card.element,
    update(now) {
      card.update(now);
      const state = store.section('controller');
      const detection = store.section('vision')?.detection;
      mode.show(state?.mode ?? null);
      setText(target, state?.target_id
        ? `${state.target_id} · ${constantLabel(ControllerState, 'TRACKING_', state.tracking).toLowerCase()}`
        : state?.selected_id ? `${state.selected_id}, not seen` : 'none');
      setHidden(anyTarget, !state?.selected_id);
      if (state !== null) priorityGuard.show(String(state.priority), now);
      setDisabled(method, detection === undefined);
      setDisabled(enabled, detection === undefined);
      if (detection !== undefined) {
        setOptions(method, detection.available.map((value) => ({ value, label: value })));
        methodGuard.show(detection.method, now);
        enabledGuard.show(detection.enabled, now);
      }
      setText(why, state === null || state.code === 0
        ? '' : `${reasonName(state.code)}: ${state.message || reasonText(state.code)}`);
    },
  };
}
