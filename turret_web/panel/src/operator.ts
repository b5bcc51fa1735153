/**
 * Being the operator: the lease, its heartbeat on a connection of its own, and the trigger. The heartbeat beats only
 * while this page is visible and focused, so a page out of sight cannot keep the laser alive.
 */

import { fetchSession } from './config';
import { ReasonCode, type AcquireLease_Response } from './generated/interfaces';
import { HEARTBEAT_PERIOD_MS, Lease } from './lease';
import { Transport } from './transport';

const SILENCE_MS = 2000;

export class Operator {
  private readonly lease = new Lease();
  private readonly transport: Transport;
  private readonly triggers = new Set<string>();

  /** Called when the lease ended without being released here, with the reason. */
  onLost: (code: number) => void = () => undefined;

  constructor(bridgeUrl: string, namespace: string) {
    this.transport = new Transport(bridgeUrl, namespace, { silenceMs: SILENCE_MS, onConnection: () => undefined });
  }

  start(): void {
    this.transport.start();
    setInterval(() => this.beat(), HEARTBEAT_PERIOD_MS);
    window.addEventListener('blur', () => this.releaseTriggers());
    document.addEventListener('visibilitychange', () => this.releaseTriggers());
    window.addEventListener('pagehide', () => { void this.release(); });
  }

  get isOperator(): boolean {
    return this.lease.isHeld;
  }

  /** Lease id for commands; empty while somebody else, or nobody, is the operator. */
  get leaseId(): string {
    return this.lease.id;
  }

  get isTriggerHeld(): boolean {
    return this.triggers.size > 0;
  }

  /** Ask for the lease. Throws where the front door or the bridge fails. */
  async acquire(name: string, takeOver: boolean): Promise<AcquireLease_Response> {
    const { secret } = await fetchSession();
    const response = await this.transport.call('safety/acquire_lease', { secret, name, take_over: takeOver });
    if (response.success) {
      this.triggers.clear();
      this.lease.grant(response.lease_id, response.nonce);
    }
    return response;
  }

  async release(): Promise<void> {
    const leaseId = this.lease.id;
    this.triggers.clear();
    this.lease.clear();
    if (leaseId !== '') {
      await this.transport.call('safety/release_lease', { lease_id: leaseId }).catch(() => undefined);
    }
  }

  /** Hold the trigger from one source (a pointer, a key) until it is released there. */
  press(source: string): void {
    if (!this.isOperator || !isPresent()) return;
    this.triggers.add(source);
    this.beat();
  }

  releaseTrigger(source: string): void {
    if (this.triggers.delete(source)) this.beat();
  }

  /** Release the trigger everywhere: what still holds it must press anew. */
  releaseTriggers(): void {
    for (const source of [...this.triggers]) this.releaseTrigger(source);
  }

  private beat(): void {
    if (this.transport.connection !== 'open') {
      this.triggers.clear();
      return;
    }
    const request = this.lease.beat(performance.now(), isPresent(), this.isTriggerHeld);
    if (request === null) return;
    this.transport.call('safety/heartbeat', request).then(
      (response) => {
        const code = this.lease.answered(request, response);
        if (code !== ReasonCode.OK) {
          this.triggers.clear();
          this.onLost(code);
        } else if (this.lease.saidTrigger !== this.isTriggerHeld) {
          this.beat();
        }
      },
      () => this.lease.unanswered(request),
    );
  }
}

/** The operator can see this page and it has the keyboard. */
export function isPresent(): boolean {
  return document.visibilityState === 'visible' && document.hasFocus();
}
