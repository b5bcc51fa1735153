// SPDX-License-Identifier: Apache-2.0
/**
 * Everything that can be done with one press, as one typed list. Buttons, keys, gamepad, legend and tooltips all read
 * it, so a label, a key and the reason why something is not possible now are each in one place.
 */

import { ControllerState, LaserState } from '../generated/interfaces';
import { t } from '../text';
import { duration } from './format';
import type { Deflection, Jog } from './jog';
import type { Panel, WhyNot } from './panel';
import { operatorName } from './settings';
import type { StopSwitch } from './stop';

export type ActionId =
  | 'stop' | 'resetStop' | 'takeControl' | 'releaseControl' | 'arm' | 'disarm' | 'fire' | 'burst' | 'track'
  | 'jogLeft' | 'jogRight' | 'jogUp' | 'jogDown' | 'home' | 'center' | 'still' | 'record' | 'bag' | 'fullScreen'
  | 'zoomIn' | 'zoomOut' | 'zoomReset' | 'preset' | 'help' | 'confirmRegion';

export interface Action {
  readonly id: ActionId;
  readonly label: () => string;
  /** What it does, for the tooltip. */
  readonly title?: string;
  /** Keys as in KeyboardEvent.code; "Digit*" = any digit. */
  readonly codes: readonly string[];
  /** Keys as a person reads them; empty = none. */
  readonly keys: string;
  /** Why it cannot be done now; empty = it can. */
  readonly whyNot: () => WhyNot;
  /** Do it, or begin it where it is held. `key` is the code that was pressed. */
  readonly run: (source: string, key?: string) => void;
  /** The end of a held action; absent = it acts once. */
  readonly release?: (source: string) => void;
}

/** What the stage offers the actions. */
export interface Stage {
  zoomBy(factor: number): void;
  zoomReset(): void;
  toggleFullScreen(): void;
}

const ARMED: readonly number[] = [LaserState.STATE_ARMED, LaserState.STATE_FIRING, LaserState.STATE_COOLDOWN];
const FILE_TIMEOUT_MS = 10_000;

export function isArmed(panel: Panel): boolean {
  return ARMED.includes(panel.store.current('laser')?.state ?? LaserState.STATE_OFF);
}

export function isArming(panel: Panel): boolean {
  return panel.store.current('laser')?.state === LaserState.STATE_ARMING;
}

export function whyNotFire(panel: Panel): WhyNot {
  return panel.whyNotControl.value || (isArmed(panel) ? '' : isArming(panel) ? t.why.arming : t.why.armFirst);
}

function whyNotArm(panel: Panel): WhyNot {
  const why = panel.whyNotControl.value;
  if (why !== '') return why;
  if (panel.store.section('safety')?.software_stop) return t.why.stopped;
  if (isArmed(panel)) return t.why.alreadyArmed;
  return isArming(panel) ? t.why.arming : '';
}

/** Take control under the name of this person; the widget asks for what is missing. */
export type AskControl = () => void;

export function makeActions(
  panel: Panel, jog: Jog, stop: StopSwitch, stage: () => Stage | null, askControl: AskControl, showHelp: () => void,
): ReadonlyMap<ActionId, Action> {
  const { store, operator } = panel;
  const control = (): WhyNot => panel.whyNotControl.value;
  const always = (): WhyNot => '';
  const jogging = (id: ActionId, label: string, codes: readonly string[], keys: string, deflection: Deflection): Action => ({
    id, label: () => label, codes, keys, whyNot: control,
    run: (source) => { jog.hold(`${source}:${id}`, deflection); },
    release: (source) => jog.release(`${source}:${id}`),
  });

  const list: readonly Action[] = [
    {
      id: 'stop', label: () => t.stop.button, title: t.stop.title, codes: ['KeyX', 'Pause'], keys: t.keys.stop,
      whyNot: always, run: () => stop.send(),
    },
    {
      id: 'resetStop', label: () => t.stop.reset, title: t.stop.resetTitle, codes: [], keys: '',
      whyNot: () => panel.whyNotControl.value,
      run: () => { void panel.command('safety/reset', {}); },
    },
    {
      id: 'takeControl', label: () => t.control.take, codes: [], keys: '',
      whyNot: () => panel.whyNotOperator.value, run: askControl,
    },
    {
      id: 'releaseControl', label: () => t.control.release, codes: [], keys: '',
      whyNot: () => (operator.isOperator.value ? '' : t.why.takeControl), run: () => { void operator.release(); },
    },
    {
      id: 'arm', label: () => t.fire.arm, title: t.fire.armTitle, codes: [], keys: '', whyNot: () => whyNotArm(panel),
      run: () => { void panel.command('laser/arm', {}); },
    },
    {
      id: 'disarm', label: () => t.fire.disarm, codes: [], keys: '', whyNot: () => panel.whyNotOperator.value,
      run: () => { void panel.command('laser/disarm', {}); },
    },
    {
      id: 'fire', label: () => t.fire.hold, title: t.fire.holdTitle, codes: ['KeyF'], keys: t.keys.fire,
      whyNot: () => whyNotFire(panel),
      run: (source) => operator.press(source), release: (source) => operator.releaseTrigger(source),
    },
    {
      id: 'burst', label: () => t.fire.burst, title: t.fire.burstTitle, codes: [], keys: '', whyNot: () => whyNotFire(panel),
      run: () => { void panel.command('laser/fire', { pulses: 0, pulse_s: 0, gap_s: 0 }); },
    },
    {
      id: 'track',
      label: () => (store.section('controller')?.mode === ControllerState.MODE_TRACK ? t.tracking.stop : t.tracking.start),
      codes: ['KeyT'], keys: 'T', whyNot: control,
      run: () => {
        const isTracking = store.section('controller')?.mode === ControllerState.MODE_TRACK;
        void panel.command('controller/set_mode', {
          mode: isTracking ? ControllerState.MODE_MANUAL : ControllerState.MODE_TRACK,
        });
      },
    },
    jogging('jogLeft', t.move.left, ['ArrowLeft', 'KeyA'], t.keys.left, { pan: 1, tilt: 0 }),
    jogging('jogRight', t.move.right, ['ArrowRight', 'KeyD'], t.keys.right, { pan: -1, tilt: 0 }),
    jogging('jogUp', t.move.up, ['ArrowUp', 'KeyW'], t.keys.up, { pan: 0, tilt: 1 }),
    jogging('jogDown', t.move.down, ['ArrowDown', 'KeyS'], t.keys.down, { pan: 0, tilt: -1 }),
    {
      id: 'home', label: () => t.move.home, title: t.move.homeTitle, codes: [], keys: '',
      whyNot: () => panel.whyNoTask.value,
      run: () => {
        panel.task.value = t.move.home;
        void panel.run('gimbal/home', {}, () => undefined).result.then((result) => {
          panel.task.value = '';
          if (result !== null) panel.notices.done(t.move.homed);
        });
      },
    },
    {
      id: 'center', label: () => t.move.center, title: t.move.centerTitle, codes: ['KeyC'], keys: 'C', whyNot: control,
      run: () => { void panel.command('controller/move_to', { pan: 0, tilt: 0, rate: 0 }); },
    },
    {
      id: 'still', label: () => t.media.still, codes: ['KeyP'], keys: 'P', whyNot: () => panel.whyNotOperator.value,
      run: () => {
        void panel.command('camera/capture_still', { label: '' }).then((saved) => {
          if (saved !== null) panel.notices.done(t.media.saved(saved.name));
        });
      },
    },
    {
      id: 'record',
      label: () => (store.section('camera')?.recording.active ? t.media.stopVideo : t.media.startVideo),
      codes: ['KeyV'], keys: 'V', whyNot: () => panel.whyNotOperator.value,
      run: () => {
        if (!store.section('camera')?.recording.active) {
          void panel.command('camera/start_recording', { label: '', annotated: false, max_s: 0 });
          return;
        }
        void panel.command('camera/stop_recording', {}, FILE_TIMEOUT_MS).then((saved) => {
          if (saved !== null) panel.notices.done(t.media.savedVideo(saved.name, duration(saved.duration_s)));
        });
      },
    },
    {
      id: 'bag',
      label: () => (store.section('bag')?.recording ? t.bags.stop : t.bags.start),
      codes: ['KeyB'], keys: 'B', whyNot: () => panel.whyNotOperator.value,
      run: () => {
        if (!store.section('bag')?.recording) {
          void panel.command('bag/start', { label: '', selection: '', max_s: 0 });
          return;
        }
        void panel.command('bag/stop', {}, FILE_TIMEOUT_MS).then((saved) => {
          if (saved !== null) panel.notices.done(t.bags.saved(saved.name));
        });
      },
    },
    {
      id: 'fullScreen', label: () => t.video.fullScreen, codes: ['KeyM'], keys: 'M', whyNot: always,
      run: () => stage()?.toggleFullScreen(),
    },
    { id: 'zoomIn', label: () => t.video.zoomIn, codes: ['Equal', 'NumpadAdd'], keys: '+', whyNot: always, run: () => stage()?.zoomBy(1.25) },
    { id: 'zoomOut', label: () => t.video.zoomOut, codes: ['Minus', 'NumpadSubtract'], keys: '−', whyNot: always, run: () => stage()?.zoomBy(0.8) },
    { id: 'zoomReset', label: () => t.video.zoomReset, codes: ['Backspace'], keys: '', whyNot: always, run: () => stage()?.zoomReset() },
    {
      id: 'preset', label: () => t.presets.recallByKey, codes: ['Digit*'], keys: '1 … 9, 0', whyNot: control,
      run: (_, key = '') => {
        const index = (Number(key.replace('Digit', '')) + 9) % 10;
        const preset = store.section('controller')?.presets[index];
        if (preset !== undefined) void panel.command('controller/recall_preset', { name: preset.name });
      },
    },
    { id: 'help', label: () => t.help.open, codes: ['Slash', 'F1'], keys: '?', whyNot: always, run: showHelp },
    {
      id: 'confirmRegion', label: () => t.zones.confirm, title: t.zones.confirmTitle, codes: [], keys: '', whyNot: control,
      run: () => { void panel.command('safety/confirm_region', {}); },
    },
  ];
  return new Map(list.map((action) => [action.id, action]));
}

/** Name under which this browser takes control. */
export function nameOr(fallback: string): string {
  return operatorName.value.trim() || fallback;
}
