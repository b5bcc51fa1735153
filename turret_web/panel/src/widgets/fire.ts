/** Arming, hold to fire, single bursts and power, with the reason of everything that is refused. */

import { button, h, setData, setDisabled, setHidden, setList, setText } from '../dom';
import { EditGuard } from '../edit_guard';
import { duration, percent } from '../format';
import { LaserState } from '../generated/interfaces';
import type { Panel, Widget } from '../panel';
import { constantName, reasonName, reasonText } from '../reasons';
import { Card } from './card';

const ARMED: readonly number[] = [LaserState.STATE_ARMED, LaserState.STATE_FIRING, LaserState.STATE_COOLDOWN];

export function isArmed(panel: Panel): boolean {
  return ARMED.includes(panel.store.section('laser')?.state ?? LaserState.STATE_OFF);
}

function headline(state: LaserState): string {
  const name = constantName(LaserState, 'STATE_', state.state);
  switch (state.state) {
    case LaserState.STATE_ARMING: return `${name} ${duration(state.arming_remaining_s)}`;
    case LaserState.STATE_ARMED: return `${name} ${duration(state.arm_remaining_s)}`;
    case LaserState.STATE_COOLDOWN: return `${name} ${duration(state.cooldown_remaining_s)}`;
    default: return name;
  }
}

/** A button that is the trigger for as long as it is held: by pointer, or by space or enter. */
function holdButton(panel: Panel): HTMLButtonElement {
  const { operator } = panel;
  const element = h('button', { type: 'button', class: 'hold', 'aria-keyshortcuts': 'F', title: 'Hold to fire (key F)' },
    'Hold to fire');
  const release = (): void => operator.releaseTrigger('button');
  const isInside = ({ clientX, clientY }: PointerEvent): boolean => {
    const { left, right, top, bottom } = element.getBoundingClientRect();
    return clientX >= left && clientX <= right && clientY >= top && clientY <= bottom;
  };
  element.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    element.setPointerCapture(event.pointerId);
    operator.press('button');
  });
  element.addEventListener('pointermove', (event) => { if (!isInside(event)) release(); });
  for (const end of ['pointerup', 'pointercancel', 'lostpointercapture', 'pointerleave', 'blur'] as const) {
    element.addEventListener(end, release);
  }
  element.addEventListener('contextmenu', (event) => event.preventDefault());
  element.addEventListener('keydown', (event) => {
    if (event.key === ' ' || event.key === 'Enter') {
      event.preventDefault();
      if (!event.repeat) operator.press('button');
    }
  });
  element.addEventListener('keyup', (event) => { if (event.key === ' ' || event.key === 'Enter') release(); });
  return element;
}

export function fire(panel: Panel): Widget {
  const { store, operator } = panel;
  const state = h('strong', { class: 'laser-state', 'data-testid': 'laser-state' });
  const counts = h('span', { class: 'quiet' });
  const arm = button('Arm', () => { void panel.command('laser/arm', {}); }, { class: 'arm' });
  const disarm = button('Disarm', () => { void panel.command('laser/disarm', {}); });
  const hold = holdButton(panel);
  const pulses = h('input', { type: 'number', class: 'pulses', min: 1, max: 10, step: 1, value: 1, 'aria-label': 'Pulses' });
  const burst = button('Burst', () => {
    void panel.command('laser/fire', { pulses: pulses.valueAsNumber || 0, pulse_s: 0, gap_s: 0 });
  });
  const power = h('input', { type: 'range', min: 0, max: 1, step: 0.01 });
  const powerText = h('span', { class: 'value' });
  const powerGuard = new EditGuard(power, () => { void setPower(); });
  const auto = h('input', { type: 'checkbox' });
  const autoGuard = new EditGuard(auto, () => { void setAuto(); });
  const resetCount = button('Reset', () => { void panel.command('laser/reset_count', {}); }, {
    class: 'quiet', title: 'Set the fire counters to zero',
  });
  const reasons = h('ul', { class: 'reasons', 'aria-label': 'Why the laser stays dark' });

  async function setPower(): Promise<void> {
    if (await panel.command('laser/set_power', { power: power.valueAsNumber }) === null) powerGuard.release();
  }

  async function setAuto(): Promise<void> {
    if (await panel.command('safety/set_auto_fire', { enabled: auto.checked }) === null) autoGuard.release();
  }

  const autoLabel = h('label', { class: 'check' }, auto, 'Automatic fire');
  const card = new Card(panel, 'laser', 'Fire',
    h('div', { class: 'line' }, state, counts, resetCount),
    h('div', { class: 'triggers' }, arm, disarm, hold),
    h('label', { class: 'line' }, h('span', { class: 'quiet' }, 'Power'), power, powerText),
    h('div', { class: 'line' }, pulses, burst, autoLabel),
    reasons);
  const { element } = card;
  element.classList.add('fire');
  return {
    element,
    update(now) {
      card.update(now);
      const laser = store.section('laser');
      const mayFire = operator.isOperator && isArmed(panel) && !store.isStale(now);
      if (!mayFire) operator.releaseTriggers();
      setText(state, laser === null ? 'NOT SEEN' : headline(laser));
      setData(element, 'state', laser === null ? 'UNKNOWN' : constantName(LaserState, 'STATE_', laser.state));
      setData(element, 'emitting', String(laser?.emitting ?? false));
      setText(counts, laser === null
        ? '' : `${laser.fire_count} fired${laser.dry_fire_count > 0 ? `, ${laser.dry_fire_count} dry` : ''}`);
      setDisabled(arm, !operator.isOperator || isArmed(panel));
      setDisabled(hold, !mayFire);
      hold.setAttribute('aria-pressed', String(operator.isTriggerHeld));
      setDisabled(burst, !mayFire);
      setDisabled(power, !operator.isOperator);
      setDisabled(auto, !operator.isOperator);
      setHidden(autoLabel, !panel.offers('safety/set_auto_fire'));
      setHidden(resetCount, !operator.isOperator || (laser?.fire_count ?? 0) + (laser?.dry_fire_count ?? 0) === 0);
      if (laser !== null) {
        power.max = String(laser.power_cap ?? 1);
        powerGuard.show(String(laser.power ?? 0), now);
      }
      autoGuard.show(store.section('safety')?.auto_fire ?? false, now);
      setText(powerText, percent(power.valueAsNumber));
      const codes = [...new Set([laser?.code ?? 0, ...store.section('safety')?.reasons ?? []])].filter((code) => code > 0);
      setList(reasons, codes, String, (code) => h('li', {},
        h('strong', { class: 'reason' }, reasonName(code)), h('span', {}, reasonText(code))));
    },
  };
}
