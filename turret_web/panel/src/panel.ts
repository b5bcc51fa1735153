/** What every widget gets: the state, the ways to act on the turret, and a place to say what went wrong. */

import type { Config, Session } from './config';
import { LEASED } from './generated/interfaces';
import { ACTIONS, SERVICES, type ActionName, type Feedback, type Goal, type Request, type Response, type Result,
  type ServiceName } from './names';
import type { Operator } from './operator';
import type { Store } from './store';
import { TransportError, type ActionHandle, type Transport } from './transport';
import type { Notices } from './widgets/notices';

/** A part of the page. `update` brings it in line with the store; it runs on every change and ten times a second. */
export interface Widget {
  readonly element: HTMLElement;
  update?(now: number): void;
}

type WithoutLease<T> = Omit<T, 'lease_id'>;
type Outcome = { success: boolean; code: number; message: string };

export class Panel {
  private offered: ReadonlySet<string> | null = null;

  constructor(
    readonly config: Config,
    readonly session: Session,
    readonly store: Store,
    readonly transport: Transport,
    readonly operator: Operator,
    readonly notices: Notices,
  ) {}

  /** Call a service with the lease where it wants one. A refusal or failure becomes a notice, and null. */
  async command<S extends ServiceName>(
    name: S, request: WithoutLease<Request<S>>, timeoutMs?: number,
  ): Promise<Response<S> | null> {
    const full = this.withLease<Request<S>>(SERVICES[name], request);
    return this.report(name, this.transport.call(name, full, timeoutMs));
  }

  /** Start an action with the lease where it wants one. A refusal or failure becomes a notice, and null. */
  run<A extends ActionName>(
    name: A, goal: WithoutLease<Goal<A>>, onFeedback: (feedback: Feedback<A>) => void,
  ): { result: Promise<Result<A> | null>; cancel: () => void } {
    const handle: ActionHandle<A> = this.transport.run(
      name, this.withLease<Goal<A>>(ACTIONS[name], goal), onFeedback);
    return { result: this.report(name, handle.result), cancel: handle.cancel };
  }

  /** Whether the graph offers a service or an action; true while that is not known. */
  offers(name: ServiceName | ActionName): boolean {
    return this.offered === null || this.offered.has(`${this.config.namespace}/${name}`);
  }

  /** Whether the graph is known to offer a service now. */
  isOffered(name: ServiceName): boolean {
    return this.offered?.has(`${this.config.namespace}/${name}`) ?? false;
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
      this.offered = new Set([...services, ...actions]);
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      this.offered = null;
    }
  }

  private withLease<T>(type: string, request: WithoutLease<T>): T {
    return (LEASED.has(type) ? { ...request, lease_id: this.operator.leaseId } : request) as T;
  }

  private async report<T extends Outcome>(name: string, answer: Promise<T>): Promise<T | null> {
    try {
      const response = await answer;
      if (response.success) return response;
      this.notices.refused(name, response.code, response.message);
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      this.notices.failed(error.message);
    }
    return null;
  }
}
