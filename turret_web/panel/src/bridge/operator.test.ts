// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { ReasonCode } from '../generated/interfaces';
import { fetchConfig, fetchSession, socketUrl } from './config';
import { Operator } from './operator';

const json = (value: unknown, status = 200): Response => new Response(JSON.stringify(value), { status });

describe('operator', () => {
  let operator: Operator;
  let calls: { name: string; request: Record<string, unknown> }[];
  let answers: Record<string, () => Promise<unknown>>;
  let hasFocus: boolean;

  beforeEach(() => {
    vi.useFakeTimers();
    hasFocus = true;
    document.hasFocus = () => hasFocus;
    vi.stubGlobal('fetch', async () => json({ role: 'operator', operator_secret: 's' }));
    operator = new Operator('ws://nowhere', '/turret');
    calls = [];
    answers = {
      'safety/acquire_lease': async () => ({ success: true, code: 0, message: '', lease_id: 'L', nonce: 'n0' }),
      'safety/heartbeat': async () => ({ success: true, code: 0, message: '', nonce: `n${calls.length}` }),
      'safety/release_lease': async () => ({ success: true, code: 0, message: '' }),
    };
    Object.defineProperty(operator.transport, 'connection', { value: 'open', writable: true });
    operator.transport.start = () => undefined;
    operator.transport.call = ((name: string, request: Record<string, unknown>) => {
      calls.push({ name, request });
      return answers[name]?.();
    }) as never;
    operator.start();
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  const triggers = (): unknown[] => calls.filter(({ name }) => name === 'safety/heartbeat').map(({ request }) => request['trigger']);

  it('takes control with the secret of the session and beats while it has it', async () => {
    await vi.advanceTimersByTimeAsync(200);
    expect(triggers()).toEqual([]);
    expect((await operator.acquire('Ann', true)).success).toBe(true);
    expect(calls[0]).toEqual({ name: 'safety/acquire_lease', request: { secret: 's', name: 'Ann', take_over: true } });
    expect(operator.isOperator.value).toBe(true);
    await vi.advanceTimersByTimeAsync(200);
    expect(triggers().length).toBeGreaterThan(2);
    await operator.release();
    expect(operator.isOperator.value).toBe(false);
    expect(calls.at(-1)).toEqual({ name: 'safety/release_lease', request: { lease_id: 'L' } });
  });

  it('has no control when it was refused', async () => {
    answers['safety/acquire_lease'] = async () => ({ success: false, code: 102, message: 'Bob', lease_id: '', nonce: '' });
    await operator.acquire('Ann', false);
    expect(operator.isOperator.value).toBe(false);
    operator.press('key');
    expect(operator.isTriggerHeld.value).toBe(false);
  });

  it.each([
    ['the window loses the focus', () => { hasFocus = false; window.dispatchEvent(new Event('blur')); }],
    ['the page is hidden', () => { hasFocus = false; document.dispatchEvent(new Event('visibilitychange')); }],
    ['the key comes up', () => { operator.releaseTrigger('key'); operator.releaseTrigger('pointer'); }],
    ['the connection goes', () => { (operator.transport as unknown as { connection: string }).connection = 'closed'; }],
  ])('releases the trigger when %s', async (_, end) => {
    await operator.acquire('Ann', false);
    operator.press('key');
    operator.press('pointer');
    await vi.advanceTimersByTimeAsync(120);
    expect(triggers().at(-1)).toBe(true);
    end();
    await vi.advanceTimersByTimeAsync(120);
    expect(operator.isTriggerHeld.value).toBe(false);
    if (operator.transport.connection === 'open') expect(triggers().at(-1)).toBe(false);
  });

  it('beats no more once the page is not looked at', async () => {
    await operator.acquire('Ann', false);
    hasFocus = false;
    const before = calls.length;
    await vi.advanceTimersByTimeAsync(500);
    expect(calls.length).toBeLessThanOrEqual(before + 1);
    expect(operator.isPresent.value).toBe(false);
  });

  it('says that the lease was taken away', async () => {
    const lost: number[] = [];
    operator.onLost = (code) => lost.push(code);
    await operator.acquire('Ann', false);
    operator.press('key');
    answers['safety/heartbeat'] = async () => ({ success: false, code: ReasonCode.OPERATOR_CHANGED, message: '', nonce: '' });
    await vi.advanceTimersByTimeAsync(200);
    expect(lost).toEqual([ReasonCode.OPERATOR_CHANGED]);
    expect([operator.isOperator.value, operator.isTriggerHeld.value]).toEqual([false, false]);
  });

  it('continues after a heartbeat without an answer', async () => {
    await operator.acquire('Ann', false);
    answers['safety/heartbeat'] = () => Promise.reject(new Error('lost'));
    await vi.advanceTimersByTimeAsync(200);
    answers['safety/heartbeat'] = async () => ({ success: true, code: 0, message: '', nonce: 'x' });
    await vi.advanceTimersByTimeAsync(200);
    expect(operator.isOperator.value).toBe(true);
    expect(calls.at(-1)?.request['nonce']).toBe('x');
  });
});

describe('config', () => {
  const good = { namespace: '/a', rosbridge: '/r', video: '/v', webrtc: '', sign_in: true };
  afterEach(() => { vi.unstubAllGlobals(); });

  it('reads where everything is and who this browser may be', async () => {
    vi.stubGlobal('fetch', async (path: string) => json(path === 'session' ? { role: 'viewer' } : good));
    expect(await fetchConfig()).toEqual({ namespace: '/a', rosbridge: '/r', video: '/v', webrtc: '', signIn: true });
    expect(await fetchSession()).toEqual({ role: 'viewer', secret: '' });
  });

  it.each([[{ ...good, video: 3 }, 'no text "video"'], [{}, 'no text "namespace"']])('refuses %j', async (answer, problem) => {
    vi.stubGlobal('fetch', async () => json(answer));
    await expect(fetchConfig()).rejects.toThrow(problem);
  });

  it('refuses an operator without a secret, and an answer that is none', async () => {
    vi.stubGlobal('fetch', async () => json({ role: 'operator' }));
    await expect(fetchSession()).rejects.toThrow('operator_secret');
    vi.stubGlobal('fetch', async () => json({}, 503));
    await expect(fetchSession()).rejects.toThrow('503');
  });

  it('names a connection by label and page', () => {
    const url = new URL(socketUrl('/rosbridge', 'Ann & Bob'));
    expect(url.protocol).toBe('ws:');
    expect(url.searchParams.get('label')).toBe('Ann & Bob');
    expect(url.searchParams.get('page')).toMatch(/^\d+-\d+$/);
  });
});
