// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { Transport, TransportError, type Connection } from './transport';
import { FakeBridge } from '../../test/fake_bridge';

const WAIT = { timeout: 5000, interval: 5 };

describe('Transport', () => {
  let bridge: FakeBridge;
  let states: Connection[];

  beforeEach(async () => {
    bridge = await FakeBridge.start();
    states = [];
  });

  afterEach(async () => { await bridge.stop(); });

  async function connected(silenceMs = 60_000): Promise<Transport> {
    const transport = new Transport(bridge.url, '/turret', { silenceMs, onConnection: (state) => states.push(state) });
    transport.start();
    await vi.waitFor(() => expect(transport.connection).toBe('open'), WAIT);
    return transport;
  }

  it('subscribes once per topic, however many listen, and delivers to all', async () => {
    const transport = await connected();
    const heard: unknown[] = [];
    transport.subscribe('status', (status) => heard.push(['a', status.seq]));
    transport.subscribe('status', (status) => heard.push(['b', status.seq]));
    await vi.waitFor(() => expect(bridge.ops('subscribe')).toHaveLength(1), WAIT);
    expect(bridge.ops('subscribe')[0]).toMatchObject({
      topic: '/turret/status', type: 'turret_msgs/msg/TurretStatus', queue_length: 1,
    });
    bridge.publish('/turret/status', { seq: 7 });
    await vi.waitFor(() => expect(heard).toEqual([['a', 7], ['b', 7]]), WAIT);
  });

  it('ends a subscription that is not needed any more, and subscribes again', async () => {
    const transport = await connected();
    const ends = [0, 1].map(() => transport.listen('vision/mask/compressed', () => undefined));
    await vi.waitFor(() => expect(bridge.ops('subscribe')).toHaveLength(1), WAIT);
    ends[0]?.();
    expect(bridge.ops('unsubscribe')).toHaveLength(0);
    ends[1]?.();
    await vi.waitFor(() => expect(bridge.ops('unsubscribe')).toMatchObject([{ topic: '/turret/vision/mask/compressed' }]), WAIT);
    transport.listen('vision/mask/compressed', () => undefined);
    await vi.waitFor(() => expect(bridge.ops('subscribe')).toHaveLength(2), WAIT);
  });

  it('renews its subscriptions after the server was killed and came back', async () => {
    const transport = await connected();
    const heard: number[] = [];
    transport.subscribe('status', (status) => heard.push(status.seq));
    const { port } = bridge;
    await bridge.stop();
    await vi.waitFor(() => expect(transport.connection).not.toBe('open'), WAIT);
    bridge = await FakeBridge.start(port);
    await vi.waitFor(() => expect(bridge.ops('subscribe')).toHaveLength(1), WAIT);
    bridge.publish('/turret/status', { seq: 1 });
    await vi.waitFor(() => expect(heard).toEqual([1]), WAIT);
    expect(states.filter((state) => state === 'open')).toHaveLength(2);
  });

  it('never sends late what was asked for while it was down', async () => {
    const transport = await connected();
    const { port } = bridge;
    await bridge.stop();
    await vi.waitFor(() => expect(transport.connection).not.toBe('open'), WAIT);
    await expect(transport.call('laser/disarm', {})).rejects.toThrow(TransportError);
    await expect(transport.call('controller/jog', { lease_id: '', seq: 1, pan_rate: 1, tilt_rate: 0 })).rejects.toThrow(TransportError);
    bridge = await FakeBridge.start(port);
    await vi.waitFor(() => expect(transport.connection).toBe('open'), WAIT);
    transport.call('safety/stop', { reason: '' }).catch(() => undefined);
    await vi.waitFor(() => expect(bridge.ops('call_service')).toHaveLength(1), WAIT);
    expect(bridge.received.map(({ op }) => op)).toEqual(['call_service']);
  });

  it('calls a service by its full name and type', async () => {
    bridge.onOp = ({ id, service, args }, reply) => reply({
      op: 'service_response', id, service, result: true, values: { success: true, code: 0, message: JSON.stringify(args) },
    });
    const transport = await connected();
    await expect(transport.call('safety/stop', { reason: 'test' })).resolves.toMatchObject({ message: '{"reason":"test"}' });
    expect(bridge.ops('call_service')[0]).toMatchObject({ service: '/turret/safety/stop' });
  });

  it('distinguishes a refusal of the bridge, a time-out and a lost connection from an answer', async () => {
    const transport = await connected();
    bridge.onOp = ({ id, service }, reply) => reply({
      op: 'service_response', id, service, result: false, values: 'only an operator may call it',
    });
    await expect(transport.call('laser/disarm', {})).rejects.toThrow(/only an operator/);
    bridge.onOp = () => undefined;
    await expect(transport.call('laser/disarm', {}, 20)).rejects.toThrow(/in time/);
    const pending = transport.call('laser/disarm', {});
    const lost = expect(pending).rejects.toThrow(/connection lost/);
    await bridge.stop();
    await lost;
    bridge = await FakeBridge.start();
  });

  it('leaves a server that says nothing any more, and comes back', async () => {
    const transport = await connected(60);
    transport.subscribe('status', () => undefined);
    await vi.waitFor(() => expect(bridge.connections).toBeGreaterThan(1), WAIT);
    expect(states).toContain('closed');
  });

  it('leaves a server that answers nothing any more', async () => {
    const transport = await connected(60);
    await expect(transport.call('laser/disarm', {})).rejects.toThrow(/connection lost/);
  });

  it('stays with a silent server of which nothing is awaited', async () => {
    await connected(20);
    await new Promise((resolve) => { setTimeout(resolve, 150); });
    expect(bridge.connections).toBe(1);
  });

  it('stays while the server talks', async () => {
    const transport = await connected(200);
    transport.subscribe('status', () => undefined);
    for (let i = 0; i < 20; i += 1) {
      bridge.publish('/turret/status', { seq: i });
      await new Promise((resolve) => { setTimeout(resolve, 25); });
    }
    expect(bridge.connections).toBe(1);
  });

  it('runs an action: feedback, result, cancel', async () => {
    bridge.onOp = ({ op, id, action }, reply) => {
      if (op === 'send_action_goal') {
        reply({ op: 'action_feedback', id, action, values: { axis: 'pan', phase: 'seek', progress: 0.5 } });
      } else if (op === 'cancel_action_goal') {
        reply({
          op: 'action_result', id, action, status: 5, result: true, values: { success: false, code: 10, message: 'cancelled' },
        });
      }
    };
    const transport = await connected();
    const phases: string[] = [];
    const handle = transport.run('gimbal/home', { lease_id: 'l' }, ({ phase }) => phases.push(phase));
    await vi.waitFor(() => expect(phases).toEqual(['seek']), WAIT);
    handle.cancel();
    await expect(handle.result).resolves.toMatchObject({ success: false, code: 10 });
  });

  it('fails an action that does not exist', async () => {
    bridge.onOp = ({ id, action }, reply) => reply({
      op: 'action_result', id, action, status: 0, result: false, values: 'action does not exist',
    });
    const transport = await connected();
    const handle = transport.run('gimbal/home', { lease_id: '' }, () => undefined);
    await expect(handle.result).rejects.toThrow(/does not exist/);
  });

  it('fails an action at once when the bridge cannot do actions', async () => {
    bridge.onOp = ({ op, id }, reply) => {
      if (op === 'send_action_goal') reply({ op: 'status', level: 'error', id, msg: 'operation is not supported here' });
    };
    const transport = await connected();
    const handle = transport.run('gimbal/home', { lease_id: '' }, () => undefined);
    await expect(handle.result).rejects.toThrow(/not supported here/);
  });
});
