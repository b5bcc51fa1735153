// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { Action } from '../actions';
import { listenToKeys } from '../keyboard';
import { Windows } from '../windows';

const key = (type: string, init: KeyboardEventInit, target: EventTarget = window): KeyboardEvent => {
  const event = new KeyboardEvent(type, { bubbles: true, cancelable: true, ...init });
  target.dispatchEvent(event);
  return event;
};

describe('keys', () => {
  const fire = { run: vi.fn(), release: vi.fn() };
  const jog = { run: vi.fn(), release: vi.fn() };
  const stop = vi.fn();
  let why = '';
  let shortcuts = true;
  let windows: Windows;
  let end: () => void;

  beforeEach(() => {
    vi.clearAllMocks();
    why = '';
    shortcuts = true;
    windows = new Windows();
    const make = (codes: string[], held: typeof fire): Action => ({
      id: 'fire', label: () => '', codes, keys: '', whyNot: () => why, ...held,
    });
    end = listenToKeys({ actions: [make(['KeyF'], fire), make(['ArrowDown'], jog)], windows, stop, areShortcutsOn: () => shortcuts });
  });
  afterEach(() => end());

  it('holds while the key is down', () => {
    key('keydown', { code: 'KeyF', key: 'f' });
    key('keydown', { code: 'KeyF', key: 'f', repeat: true });
    expect(fire.run).toHaveBeenCalledTimes(1);
    key('keyup', { code: 'KeyF', key: 'f' });
    expect(fire.release).toHaveBeenCalledTimes(1);
  });

  it('releases when Meta comes, after which some systems send no key-up', () => {
    key('keydown', { code: 'KeyF', key: 'f' });
    key('keydown', { code: 'MetaLeft', key: 'Meta', metaKey: true });
    expect(fire.release).toHaveBeenCalledTimes(1);
  });

  it.each(['blur', 'contextmenu'])('releases on %s', (name) => {
    key('keydown', { code: 'KeyF', key: 'f' });
    window.dispatchEvent(new Event(name));
    expect(fire.release).toHaveBeenCalledTimes(1);
  });

  describe('a button that is held by space or enter', () => {
    let button: HTMLButtonElement;
    beforeEach(() => {
      button = document.createElement('button');
      button.dataset['hold'] = 'fire';
      document.body.append(button);
      shortcuts = false; // a button is not a shortcut
      key('keydown', { code: 'Space', key: ' ' }, button);
      expect(fire.run).toHaveBeenCalledTimes(1);
    });
    afterEach(() => button.remove());

    it.each([
      ['its key comes up', () => key('keyup', { code: 'Space', key: ' ' }, button)],
      ['Meta comes', () => key('keydown', { code: 'MetaLeft', key: 'Meta', metaKey: true }, button)],
      ['Escape comes', () => key('keydown', { code: 'Escape', key: 'Escape' }, button)],
      ['the window loses the focus', () => window.dispatchEvent(new Event('blur'))],
      ['the page is hidden', () => document.dispatchEvent(new Event('visibilitychange'))],
      ['a menu opens', () => window.dispatchEvent(new Event('contextmenu'))],
      ['the panel ends', () => end()],
    ])('is released when %s', (_, happen) => {
      happen();
      expect(fire.release).toHaveBeenCalledTimes(1);
    });

    it('is released when nothing confirms it for a second', () => {
      vi.useFakeTimers();
      end();
      vi.clearAllMocks();
      end = listenToKeys({
        actions: [{ id: 'fire', label: () => '', codes: [], keys: '', whyNot: () => '', ...fire }], windows, stop, areShortcutsOn: () => true,
      });
      key('keydown', { code: 'Enter', key: 'Enter' }, button);
      vi.advanceTimersByTime(1500);
      expect(fire.release).toHaveBeenCalledTimes(1);
      vi.useRealTimers();
    });
  });

  it('closes what is open with Escape, and stops only when nothing is', () => {
    const close = vi.fn();
    const closed = windows.opened('viewer', close);
    key('keydown', { key: 'Escape', code: 'Escape' });
    expect([close.mock.calls.length, stop.mock.calls.length]).toEqual([1, 0]);
    closed();
    key('keydown', { key: 'Escape', code: 'Escape' });
    expect(stop).toHaveBeenCalledTimes(1);
  });

  it('leaves a text field with Escape instead of stopping', () => {
    const input = document.createElement('input');
    input.type = 'search';
    document.body.append(input);
    key('keydown', { key: 'Escape', code: 'Escape' }, input);
    expect(stop).not.toHaveBeenCalled();
    key('keydown', { code: 'KeyF', key: 'f' }, input);
    expect(fire.run).not.toHaveBeenCalled();
  });

  it('stops with Escape while something is held, whatever is open', () => {
    windows.opened('viewer', () => undefined);
    key('keydown', { code: 'KeyF', key: 'f' });
    key('keydown', { key: 'Escape', code: 'Escape' });
    expect([fire.release.mock.calls.length, stop.mock.calls.length]).toEqual([1, 1]);
  });

  it('lets the arrows scroll while they cannot jog', () => {
    why = 'Take control first.';
    expect(key('keydown', { code: 'ArrowDown', key: 'ArrowDown' }).defaultPrevented).toBe(false);
    why = '';
    expect(key('keydown', { code: 'ArrowDown', key: 'ArrowDown' }).defaultPrevented).toBe(true);
  });

  it('can do without single-key shortcuts', () => {
    shortcuts = false;
    key('keydown', { code: 'KeyF', key: 'f' });
    expect(fire.run).not.toHaveBeenCalled();
  });
});
