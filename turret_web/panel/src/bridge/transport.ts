// SPDX-License-Identifier: Apache-2.0
/**
 * The one place that speaks rosbridge. A transport keeps one connection, with back-off and silence detection, and
 * renews its subscriptions. Nothing is queued while it is down: a call then fails at once, because a command that
 * arrives late is worse than one that does not arrive.
 */

import { Ros, Service, Topic } from 'roslib';

import { problemIn, shapeName } from './checks';
import {
  ACTIONS, SERVICES, THROTTLE_MS, TOPICS,
  type ActionName, type Feedback, type Goal, type Message, type Request, type Response, type Result,
  type ServiceName, type TopicName,
} from './names';
import { t } from '../text';

export type Connection = 'connecting' | 'open' | 'closed';

/** The bridge or the connection failed, in contrast to a node that refused. */
export class TransportError extends Error {}

export interface TransportOptions {
  /** Reconnect when something is awaited and the server has been silent for so long [ms]. */
  silenceMs: number;
  onConnection: (connection: Connection) => void;
  /** A message does not match its interface definition and was dropped, or a subscriber failed on one. */
  onProblem?: (problem: string) => void;
}

export interface ActionHandle<A extends ActionName> {
  readonly result: Promise<Result<A>>;
  cancel(): void;
}

type Deliver = (message: never) => void;

const CALL_TIMEOUT_MS = 5000;
/** A busy machine may need long for the handshake; giving up early only prolongs it. */
const CONNECT_TIMEOUT_MS = 15_000;
const BACK_OFF_MS = [250, 500, 1000, 2000, 4000];

export class Transport {
  private ros: Ros | null = null;
  private state: Connection = 'closed';
  private failures = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private heardAt = 0;
  private goals = 0;
  private readonly subscribers = new Map<TopicName, Deliver[]>();
  private readonly topics = new Map<TopicName, Topic>();
  private readonly pending = new Set<(error: TransportError) => void>();

  constructor(
    private readonly url: string,
    private readonly namespace: string,
    private readonly options: TransportOptions,
  ) {}

  get connection(): Connection {
    return this.state;
  }

  /** Connect, and keep trying. */
  start(): void {
    const ros = new Ros();
    this.ros = ros;
    this.setState('connecting');
    ros.on('connection', () => this.opened(ros));
    ros.on('close', () => this.lost(ros));
    ros.on('error', () => undefined); // A close event follows.
    this.schedule(CONNECT_TIMEOUT_MS, () => this.lost(ros));
    ros.connect(this.url).catch(() => this.lost(ros));
  }

  /** Subscribe for the life of the page, over every reconnection. */
  subscribe<T extends TopicName>(topic: T, deliver: (message: Message<T>) => void): void {
    const others = this.subscribers.get(topic);
    if (others !== undefined) {
      others.push(deliver);
      return;
    }
    this.subscribers.set(topic, [deliver]);
    if (this.ros !== null && this.state === 'open') this.renew(this.ros, topic);
  }

  /** As {@link subscribe}, until the function that it returns is called. */
  listen<T extends TopicName>(topic: T, deliver: (message: Message<T>) => void): () => void {
    this.subscribe(topic, deliver);
    return () => {
      const others = (this.subscribers.get(topic) ?? []).filter((other) => other !== deliver);
      if (others.length > 0) {
        this.subscribers.set(topic, others);
      } else if (this.subscribers.delete(topic) && this.state === 'open') {
        this.topics.get(topic)?.unsubscribe();
      }
    };
  }

  /** Call a service of the turret; rejects with a {@link TransportError} when no answer comes. */
  call<S extends ServiceName>(
    name: S, request: Request<S>, timeoutMs = CALL_TIMEOUT_MS,
  ): Promise<Response<S>> {
    const response = this.callAs<Request<S>, Response<S>>(
      `${this.namespace}/${name}`, SERVICES[name], request, timeoutMs);
    return response.then((answer) => {
      const problem = problemIn(shapeName(SERVICES[name], '_Response'), answer);
      if (problem !== '') throw new TransportError(`${name}: ${problem}`);
      return answer;
    });
  }

  /** Call a service that is not the turret's own, by full name and type. */
  callAs<Q, A>(name: string, type: string, request: Q, timeoutMs = CALL_TIMEOUT_MS): Promise<A> {
    return this.exchange((ros, resolve, reject) => {
      const timer = setTimeout(() => reject(new TransportError(t.problems.noAnswer(name))), timeoutMs);
      const done = (): void => {
        clearTimeout(timer);
        this.heardAt = performance.now();
      };
      new Service<Q, A>({ ros, name, serviceType: type }).callService(
        request,
        (response) => { done(); resolve(response); },
        (error) => { done(); reject(new TransportError(`${name}: ${error}`)); },
        timeoutMs / 1000,
      );
    });
  }

  /**
   * Start an action of the turret. The result is resolved however the action ended, because the turret's results say
   * themselves whether they succeeded; it rejects with a {@link TransportError} when there is none.
   */
  run<A extends ActionName>(name: A, goal: Goal<A>, onFeedback: (feedback: Feedback<A>) => void): ActionHandle<A> {
    const action = `${this.namespace}/${name}`;
    this.goals += 1;
    const id = `goal:${this.goals}`;
    let cancel = (): void => undefined;
    const result = this.exchange<Result<A>>((ros, resolve, reject) => {
      const fail = (reason: unknown): void => reject(new TransportError(`${name}: ${String(reason)}`));
      ros.on(id, (message) => {
        if (message.op === 'action_feedback') onFeedback(message.values as Feedback<A>);
        else if (message.op === 'action_result' && message.result) resolve(message.values as Result<A>);
        else if (message.op === 'action_result') fail(message.values);
      });
      ros.on(`status:${id}`, (status) => fail('msg' in status ? status.msg : 'refused'));
      ros.callOnConnection({
        op: 'send_action_goal', id, action, action_type: ACTIONS[name], args: goal, feedback: true,
      });
      cancel = () => { if (ros.isConnected) ros.callOnConnection({ op: 'cancel_action_goal', id, action }); };
    });
    return { result, cancel: () => cancel() };
  }

  /** Run one exchange on the present connection; it rejects when that connection goes. */
  private exchange<A>(
    begin: (ros: Ros, resolve: (answer: A) => void, reject: (error: TransportError) => void) => void,
  ): Promise<A> {
    return new Promise<A>((resolve, reject) => {
      if (this.ros === null || this.state !== 'open') {
        reject(new TransportError(t.problems.notConnected));
        return;
      }
      const fail = (error: TransportError): void => { this.pending.delete(fail); reject(error); };
      this.pending.add(fail);
      begin(this.ros, (answer) => { this.pending.delete(fail); resolve(answer); }, fail);
    });
  }

  /** A topic of the turret; only the newest of the waiting messages is kept. */
  private topic(ros: Ros, topic: TopicName): Topic {
    return new Topic({
      ros, name: `${this.namespace}/${topic}`, messageType: TOPICS[topic], queue_length: 1, queue_size: 1,
      throttle_rate: THROTTLE_MS[topic] ?? 0,
      reconnect_on_close: false,
    });
  }

  private renew(ros: Ros, topic: TopicName): void {
    const subscribed = this.topic(ros, topic);
    this.topics.set(topic, subscribed);
    subscribed.subscribe((message) => {
      if (ros !== this.ros) return;
      this.heardAt = performance.now();
      this.deliver(topic, message);
    });
  }

  private deliver(topic: TopicName, message: unknown): void {
    const problem = topic === 'status' ? '' : problemIn(shapeName(TOPICS[topic]), message);
    if (problem !== '') {
      this.options.onProblem?.(`${topic}: ${problem}`);
      return;
    }
    for (const deliver of this.subscribers.get(topic) ?? []) {
      try {
        deliver(message as never);
      } catch (error) {
        this.options.onProblem?.(`${topic}: ${(error as Error).message}`);
      }
    }
  }

  private opened(ros: Ros): void {
    if (ros !== this.ros) {
      ros.close();
      return;
    }
    clearTimeout(this.timer);
    this.failures = 0;
    this.heardAt = performance.now();
    this.setState('open');
    for (const topic of this.subscribers.keys()) this.renew(ros, topic);
    this.watchSilence(ros);
  }

  private watchSilence(ros: Ros): void {
    if (ros !== this.ros) return;
    const { silenceMs } = this.options;
    if (this.subscribers.size === 0 && this.pending.size === 0) this.heardAt = performance.now();
    if (performance.now() - this.heardAt > silenceMs) this.lost(ros);
    else this.schedule(silenceMs / 4, () => this.watchSilence(ros));
  }

  private lost(ros: Ros): void {
    if (ros !== this.ros) return;
    this.ros = null;
    ros.close();
    this.setState('closed');
    for (const fail of [...this.pending]) fail(new TransportError(t.problems.connectionLost));
    const delay = BACK_OFF_MS[Math.min(this.failures, BACK_OFF_MS.length - 1)] ?? 0;
    this.failures += 1;
    this.schedule(delay, () => this.start());
  }

  private schedule(delayMs: number, action: () => void): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(action, delayMs);
  }

  private setState(state: Connection): void {
    if (state === this.state) return;
    this.state = state;
    this.options.onConnection(state);
  }
}
