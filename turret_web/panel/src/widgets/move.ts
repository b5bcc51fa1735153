/** Moving the head by hand: nudge, jog, home, center, motors. */

import { button, field, h, setDisabled, setHidden, setText } from '../dom';
import { EditGuard } from '../edit_guard';
import { DEGREES, degrees, toRadians } from '../format';
import { GimbalState } from '../generated/interfaces';
import type { Jog } from '../jog';
import type { Panel, Widget } from '../panel';
import { constantLabel } from '../reasons';
import { Card } from './card';

const STEPS_DEG = [0.1, 0.5, 1, 5, 10, 30];
const DEFAULT_STEP_DEG = 5;
const ARROWS = [
  { label: '↑', name: 'up', pan: 0, tilt: 1 },
  { label: '←', name: 'left', pan: 1, tilt: 0 },
  { label: '→', name: 'right', pan: -1, tilt: 0 },
  { label: '↓', name: 'down', pan: 0, tilt: -1 },
];

/** A pad to drag: the knob's distance from the middle is the rate. */
function jogPad(jog: Jog): HTMLElement {
  const knob = h('span', { class: 'knob' });
  const pad = h('div', { class: 'jog-pad', role: 'application', 'aria-label': 'Jog pad: drag to turn, or hold W A S D' },
    knob);
  const end = (): void => {
    jog.release('pad');
    knob.style.transform = '';
  };
  const drag = ({ clientX, clientY }: PointerEvent): void => {
    const { left, top, width, height } = pad.getBoundingClientRect();
    const radius = width / 2;
    let [x, y] = [clientX - left - radius, clientY - top - height / 2];
    const excess = Math.hypot(x, y) / radius;
    if (excess > 1) [x, y] = [x / excess, y / excess];
    knob.style.transform = `translate(${x}px, ${y}px)`;
    jog.hold('pad', { pan: -x / radius, tilt: -y / radius });
  };
  pad.addEventListener('pointerdown', (event) => {
    pad.setPointerCapture(event.pointerId);
    drag(event);
  });
  pad.addEventListener('pointermove', (event) => { if (pad.hasPointerCapture(event.pointerId)) drag(event); });
  for (const name of ['pointerup', 'pointercancel', 'lostpointercapture'] as const) pad.addEventListener(name, end);
  return pad;
}

export function move(panel: Panel, jog: Jog): Widget {
  const { store, operator } = panel;
  const step = h('select', { 'aria-label': 'Step' }, ...STEPS_DEG.map((value) => h(
    'option', { value, selected: value === DEFAULT_STEP_DEG }, `${value}°`)));
  const stepRad = (): number => toRadians(Number(step.value));
  const nudge = (pan: number, tilt: number): void => {
    void panel.command('controller/nudge', { pan: pan * stepRad(), tilt: tilt * stepRad() });
  };
  const arrows = ARROWS.map(({ label, name, pan, tilt }) => button(
    label, () => nudge(pan, tilt), { class: `arrow ${name}`, 'aria-label': `Nudge ${name}` }));
  const center = button('●', () => { void panel.command('controller/move_to', { pan: 0, tilt: 0, rate: 0 }); },
    { class: 'arrow center', 'aria-label': 'Go to center', title: 'Go to pan 0, tilt 0' });
  const pad = jogPad(jog);
  const rate = h('input', { type: 'range', min: 2, max: 120, step: 1, value: jog.rate * DEGREES });
  const rateText = h('span', { class: 'value' });
  const home = button('Home', () => { void runHome(); }, { title: 'Find the reference of both axes' });
  const motors = h('input', { type: 'checkbox' });
  const motorsGuard = new EditGuard(motors, () => { void setMotors(); });
  const pose = h('span', { class: 'value', 'data-testid': 'pose' });
  const activity = h('span', { class: 'quiet' });

  rate.addEventListener('input', () => { jog.rate = toRadians(rate.valueAsNumber); });

  async function runHome(): Promise<void> {
    const result = await panel.run('gimbal/home', {}, () => undefined).result;
    if (result !== null) panel.notices.done('Homed.');
  }

  async function setMotors(): Promise<void> {
    if (await panel.command('gimbal/set_enabled', { enabled: motors.checked }) === null) motorsGuard.release();
  }

  const motorsLabel = h('label', { class: 'check' }, motors, 'Motors on');
  const card = new Card(panel, 'gimbal', 'Move',
    h('div', { class: 'line' }, pose, activity),
    h('div', { class: 'pads' },
      h('div', { class: 'nudge' }, ...arrows, center), pad),
    h('div', { class: 'pair' },
      field('Nudge step', step),
      field('Jog rate', h('div', { class: 'line' }, rate, rateText))),
    h('div', { class: 'line' }, motorsLabel, home));
  return {
    element: card.element,
    update(now) {
      card.update(now);
      const gimbal = store.section('gimbal');
      setText(pose, gimbal === null ? '–' : `${degrees(gimbal.pan.position)} / ${degrees(gimbal.tilt.position)}`);
      setText(activity, gimbal === null || gimbal.motion === GimbalState.MOTION_NONE
        ? '' : constantLabel(GimbalState, 'MOTION_', gimbal.motion).toLowerCase());
      setText(rateText, `${rate.value} °/s`);
      for (const control of [...arrows, center, home]) setDisabled(control, !operator.isOperator);
      pad.setAttribute('aria-disabled', String(!operator.isOperator));
      setDisabled(motors, !operator.isOperator || gimbal === null);
      setHidden(home, !panel.offers('gimbal/home'));
      setHidden(motorsLabel, !panel.offers('gimbal/set_enabled'));
      if (gimbal !== null) motorsGuard.show(gimbal.pan.enabled && gimbal.tilt.enabled, now);
    },
  };
}
