// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { beforeEach, expect, it, vi } from 'vitest';

import { bench, settled, type Bench } from '../../test/component';
import { TransportError } from '../bridge/transport';
import { Dialog } from './dialog';
import { Task } from './task';

let made: Bench;
let finish: (result: unknown) => void;
let fail: (error: Error) => void;
let feedback: (values: unknown) => void;
const cancel = vi.fn();

beforeEach(async () => {
  cancel.mockClear();
  made = bench();
  made.takeControl();
  made.status();
  made.panel.transport.run = ((_: string, __: unknown, onFeedback: typeof feedback) => {
    feedback = onFeedback;
    return { result: new Promise((resolve, reject) => { finish = resolve; fail = reject; }), cancel };
  }) as never;
  await made.show(
    <>
      <Task name="gimbal/home" label="Home" goal={() => ({})} progress={({ progress }) => `${progress}`} done={() => 'Homed.'} />
      <Task name="gimbal/calibrate" label="Measure" goal={() => 'Enter a number'} progress={() => ''} done={() => ''} />
    </>);
});

it('shows progress and result, and lets nothing else start meanwhile', async () => {
  made.button('Home').click();
  await settled();
  feedback({ progress: 0.5 });
  await settled();
  expect(made.text()).toContain('0.5');
  expect(made.button('Measure').title).toBe('Wait until this is done: Home.');
  finish({ success: true, code: 0, message: '' });
  await settled();
  expect(made.text()).toContain('Homed.');
  expect(made.button('Measure').disabled).toBe(false);
});

it.each([
  ['refused', () => finish({ success: false, code: 12, message: 'a limit switch' }), 'a limit switch'],
  ['lost', () => fail(new TransportError('connection lost')), 'connection lost'],
])('can be started again after it was %s', async (_, end, message) => {
  made.button('Home').click();
  await settled();
  end();
  await settled();
  expect(made.panel.notices.history.value[0]?.message).toBe(message);
  expect(made.button('Home').disabled).toBe(false);
});

it('is not a warning when the person canceled it', async () => {
  made.button('Home').click();
  await settled();
  made.button('Cancel: Home').click();
  expect(cancel).toHaveBeenCalledTimes(1);
  finish({ success: false, code: 10, message: 'canceled' });
  await settled();
  expect(made.panel.notices.history.value[0]?.tone).toBe('good');
});

it('says what is wrong with its goal', async () => {
  made.button('Measure').click();
  await settled();
  expect(made.panel.notices.history.value[0]?.message).toBe('Enter a number');
});

it('keeps the focus in a dialog, and closes it on a press beside it', async () => {
  const close = vi.fn();
  await made.show(<Dialog title="Question" onClose={close}><button type="button">One</button><button type="button" autofocus>Two</button></Dialog>);
  const [first, last] = [made.button('Close'), made.button('Two')];
  const tab = (target: HTMLElement, shiftKey: boolean): void => {
    target.focus();
    target.dispatchEvent(new KeyboardEvent('keydown', { key: 'Tab', shiftKey, bubbles: true, cancelable: true }));
  };
  tab(last, false);
  expect(document.activeElement).toBe(first);
  tab(first, true);
  expect(document.activeElement).toBe(last);
  made.root.querySelector('.dialog')?.dispatchEvent(new PointerEvent('pointerdown', { bubbles: true }));
  expect(close).not.toHaveBeenCalled();
  made.root.querySelector('.shade')?.dispatchEvent(new PointerEvent('pointerdown', { bubbles: true }));
  expect(close).toHaveBeenCalledTimes(1);
});
