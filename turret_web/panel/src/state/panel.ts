// SPDX-License-Identifier: Apache-2.0
/** What every widget gets: the state, the ways to act on the turret, and a place to report problems. */

import { computed, signal, type ReadonlySignal } from '@preact/signals';

import type { Config, Session } from '../bridge/config';
import {
  ACTIONS, SERVICES, type ActionName, type Feedback, type Goal, type Request, type Response, type Result, type ServiceName,
} from '../bridge/names';
import type { Operator } from '../bridge/operator';
import { ParameterClient } from '../bridge/parameters';
import { TransportError, type Transport } from '../bridge/transport';
import { LEASED, ReasonCode } from '../generated/interfaces';
import { t } from '../text';
import type { Notices } from './notices';
import { Picking } from './picking';
import type { Store } from './store';
import { Windows } from './windows';

type WithoutLease<T> = Omit<T, 'lease_id'>;
type Outcome = { success: boolean; code: number; message: string };

/** Why something cannot be done now, as one sentence; empty = it can be done. */
export type WhyNot = string;

export class Panel {
  readonly parameters: ParameterClient;
  readonly picking = new Picking();
  readonly windows = new Windows();
  /** Name of the view beside the video. */
  readonly view = signal('drive');
  /** Label of the long task that this panel runs; empty = none. */
  readonly task = signal('');
  readonly mayOperate: boolean;
  private readonly offered = signal<ReadonlySet<string> | null>(null);

  constructor(
    readonly config: Config,
    readonly session: Session,
    readonly store: Store,
    readonly transport: Transport,
    readonly operator: Operator,
    readonly notices: Notices,
  ) {
    this.parameters = new ParameterClient(transport, config.namespace);
    this.mayOperate = session.role === 'operator';
  }

  /** Why nothing can be asked of the turret. */
  readonly whyNotConnected: ReadonlySignal<WhyNot> = computed(() => (this.store.stale.value ? t.why.notConnected : ''));

  /** Why what only operators may do cannot be done, with or without the lease. */
  readonly whyNotOperator: ReadonlySignal<WhyNot> = computed(
    () => this.whyNotConnected.value || (this.mayOperate ? '' : t.why.viewer));

  /** Why what needs the lease cannot be done. */
  readonly whyNotControl: ReadonlySignal<WhyNot> = computed(
    () => this.whyNotOperator.value || (this.operator.isOperator.value ? '' : t.why.takeControl));

  /** Why no long task can be started. */
  readonly whyNoTask: ReadonlySignal<WhyNot> = computed(
    () => this.whyNotControl.value || (this.task.value === '' ? '' : t.why.busy(this.task.value)));

  /** Call a service, with the lease where it needs one. A refusal or failure becomes a notice, and null. */
  async command<S extends ServiceName>(
    name: S, request: WithoutLease<Request<S>>, timeoutMs?: number,
  ): Promise<Response<S> | null> {
    return this.report(name, this.ask(name, request, timeoutMs));
  }

  /** As {@link command}, but the caller handles refusals. Throws a {@link TransportError} when there is no response. */
  ask<S extends ServiceName>(name: S, request: WithoutLease<Request<S>>, timeoutMs?: number): Promise<Response<S>> {
    return this.transport.call(name, this.withLease<Request<S>>(SERVICES[name], request), timeoutMs);
  }

  /** Start an action, with the lease where it needs one. A refusal or failure becomes a notice, and null. */
  run<A extends ActionName>(
    name: A, goal: WithoutLease<Goal<A>>, onFeedback: (feedback: Feedback<A>) => void,
  ): { result: Promise<Result<A> | null>; cancel: () => void } {
    const handle = this.transport.run(name, this.withLease<Goal<A>>(ACTIONS[name], goal), onFeedback);
    let cancelled = false;
    return {
      result: this.report(name, handle.result, () => cancelled),
      cancel: () => {
        cancelled = true;
        handle.cancel();
      },
    };
  }

  /** Whether the graph offers a service or an action; true while that is not known. */
  offers(name: ServiceName | ActionName): boolean {
    return this.offered.value?.has(`${this.config.namespace}/${name}`) ?? true;
  }

  /** Whether the graph is known to offer a service now. */
  isOffered(name: ServiceName): boolean {
    return this.offered.value?.has(`${this.config.namespace}/${name}`) ?? false;
  }

  /** Ask what the graph offers now. */
  async refreshOffers(): Promise<void> {
    if (this.transport.connection !== 'open') return;
    try {
      const [{ services }, { action_servers: actions }] = await Promise.all([
        this.transport.callAs<object, { services: string[] }>('/rosapi/services', 'rosapi_msgs/srv/Services', {}),
        this.transport.callAs<object, { action_servers: string[] }>(
          '/rosapi/action_servers', 'rosapi_msgs/srv/GetActionServers', {}),
      ]);
      const found = new Set([...services, ...actions]);
      const known = this.offered.peek();
      if (known === null || known.size !== found.size || [...found].some((name) => !known.has(name))) {
        this.offered.value = found;
      }
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      this.offered.value = null;
    }
  }

  private withLease<T>(type: string, request: WithoutLease<T>): T {
    return (LEASED.has(type) ? { ...request, lease_id: this.operator.lease.peek() } : request) as T;
  }

  private async report<T extends Outcome>(
    name: string, answer: Promise<T>, wasCancelled: () => boolean = () => false,
  ): Promise<T | null> {
    try {
      const response = await answer;
      if (response.success) return response;
      if (response.code === ReasonCode.CANCELLED && wasCancelled()) this.notices.done(t.notices.cancelled);
      else this.notices.refused(name, response.code, response.message);
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      if (wasCancelled()) this.notices.done(t.notices.cancelled);
      else this.notices.failed(error.message);
    }
    return null;
  }
}
