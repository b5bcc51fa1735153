// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { expect, it, vi } from 'vitest';

import { bench, settled } from '../../test/component';
import { ConfirmButton, DELIBERATE_MS, DeliberateButton, HoldButton, SECOND_THOUGHT_MS } from './controls';
import { readNumber } from './hooks';

it('is not confirmed by a double click', async () => {
  const act = vi.fn();
  const { show, button } = bench();
  await show(<ConfirmButton label="Delete" confirmLabel="Delete now" onConfirm={act} />);
  button('Delete').click();
  await settled();
  button('Delete now').click();
  expect(act).not.toHaveBeenCalled();
  await new Promise((resolve) => { setTimeout(resolve, SECOND_THOUGHT_MS); });
  button('Delete now').click();
  expect(act).toHaveBeenCalledTimes(1);
});

it('puts Keep where the question was asked', async () => {
  const { show, button, root } = bench();
  await show(<ConfirmButton label="Delete" confirmLabel="Delete now" onConfirm={() => undefined} />);
  button('Delete').click();
  await settled();
  expect(root.querySelector('button')?.textContent).toBe('Keep');
});

it('arms only after it was held, and says why it cannot', async () => {
  const { show, button, calls, takeControl, status } = bench();
  status();
  await show(<DeliberateButton id="arm" />);
  expect(button('Arm').disabled).toBe(true);
  expect(button('Arm').title).toBe('Take control first.');
  takeControl();
  status();
  await settled();
  const arm = button('Arm');
  arm.dispatchEvent(new PointerEvent('pointerdown', { button: 0 }));
  arm.dispatchEvent(new PointerEvent('pointerup'));
  await new Promise((resolve) => { setTimeout(resolve, DELIBERATE_MS + 100); });
  expect(calls).toEqual([]);
  arm.dispatchEvent(new PointerEvent('pointerdown', { button: 0 }));
  await new Promise((resolve) => { setTimeout(resolve, DELIBERATE_MS + 100); });
  expect(calls.map(({ name }) => name)).toEqual(['laser/arm']);
});

it.each([
  ['the window loses the focus', () => window.dispatchEvent(new Event('blur'))],
  ['the page is hidden', () => document.dispatchEvent(new Event('visibilitychange'))],
  ['Meta is pressed', (button: HTMLElement) => button.dispatchEvent(new KeyboardEvent('keydown', { key: 'Meta', metaKey: true, bubbles: true }))],
  ['a menu opens', (button: HTMLElement) => button.dispatchEvent(new MouseEvent('contextmenu', { bubbles: true, cancelable: true }))],
  ['the pointer is lost', (button: HTMLElement) => button.dispatchEvent(new PointerEvent('lostpointercapture', { bubbles: true }))],
])('does not arm when %s while it is held', async (_, happen) => {
  const { show, button, calls, takeControl, status } = bench();
  takeControl();
  status();
  await show(<DeliberateButton id="arm" />);
  const arm = button('Arm');
  for (const begin of [new PointerEvent('pointerdown', { button: 0, bubbles: true }), new KeyboardEvent('keydown', { key: ' ', bubbles: true })]) {
    arm.dispatchEvent(begin);
    await settled();
    expect(arm.dataset['held']).toBe('true');
    happen(arm);
    await new Promise((resolve) => { setTimeout(resolve, DELIBERATE_MS + 100); });
    expect(arm.dataset['held']).toBe('false');
    expect(calls).toEqual([]);
  }
});

it('releases the trigger when the link is lost', async () => {
  const { show, panel, turret, takeControl, status } = bench();
  takeControl();
  turret.overrides.set('laser.state', 2);
  status();
  await show(<HoldButton id="fire" isHeld={false} />);
  panel.operator.press('button');
  expect(panel.operator.isTriggerHeld.value).toBe(true);
  panel.store.connection.value = 'closed';
  await settled();
  expect(panel.operator.isTriggerHeld.value).toBe(false);
});

it('does not take an empty field for zero', () => {
  expect(readNumber('', 0, 10)).toMatchObject({ value: null });
  expect(readNumber('x', 0, 10)).toMatchObject({ value: null });
  expect(readNumber('11', 0, 10)).toEqual({ value: null, error: '0 to 10' });
  expect(readNumber('1.5', 0, 10, true)).toMatchObject({ value: null });
  expect(readNumber('1.5', 0, 10)).toEqual({ value: 1.5, error: '' });
});
