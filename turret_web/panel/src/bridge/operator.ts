// SPDX-License-Identifier: Apache-2.0
/**
 * The operator's lease, its heartbeat on a connection of its own, and the trigger. Heartbeats are sent only while this
 * page is visible and focused, so a page out of sight cannot keep the laser armed.
 */

import { computed, signal, type ReadonlySignal } from '@preact/signals';

import { ReasonCode, type AcquireLease_Response } from '../generated/interfaces';
import { fetchSession } from './config';
import { HEARTBEAT_PERIOD_MS, Lease } from './lease';
import { Transport } from './transport';

const SILENCE_MS = 2000;

export class Operator {
  /** Lease id for commands; empty while another client, or none, is the operator. */
  readonly lease = signal('');
  readonly isOperator: ReadonlySignal<boolean> = computed(() => this.lease.value !== '');
  readonly isTriggerHeld = signal(false);
  /** The page is visible and has the keyboard focus. */
  readonly isPresent = signal(isPresent());
  /** Second connection, which also carries a stop. */
  readonly transport: Transport;
  private readonly machine = new Lease();
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

  /** Ask for the lease. Throws where the gateway or the bridge fails. */
  async acquire(name: string, takeOver: boolean): Promise<AcquireLease_Response> {
    const { secret } = await fetchSession();
    const response = await this.transport.call('safety/acquire_lease', { secret, name, take_over: takeOver });
    if (response.success) {
      this.triggers.clear();
      this.machine.grant(response.lease_id, response.nonce);
      this.publish();
    }
    return response;
  }

  async release(): Promise<void> {
    const leaseId = this.machine.id;
    this.triggers.clear();
    this.machine.clear();
    this.publish();
    if (leaseId !== '') {
      await this.transport.call('safety/release_lease', { lease_id: leaseId }).catch(() => undefined);
    }
  }

  /** Hold the trigger from one source (a pointer, a key) until it is released there. */
  press(source: string): void {
    if (!this.machine.isHeld || !isPresent()) return;
    this.triggers.add(source);
    this.publish();
    this.beat();
  }

  releaseTrigger(source: string): void {
    if (!this.triggers.delete(source)) return;
    this.publish();
    this.beat();
  }

  /** Release the trigger everywhere: what still holds it must press again. */
  releaseTriggers(): void {
    for (const source of [...this.triggers]) this.releaseTrigger(source);
  }

  private publish(): void {
    this.lease.value = this.machine.id;
    this.isTriggerHeld.value = this.triggers.size > 0;
    this.isPresent.value = isPresent();
  }

  private beat(): void {
    if (this.transport.connection !== 'open') this.triggers.clear();
    this.publish();
    if (this.transport.connection !== 'open') return;
    const request = this.machine.beat(performance.now(), isPresent(), this.isTriggerHeld.value);
    if (request === null) return;
    this.transport.call('safety/heartbeat', request).then(
      (response) => {
        const code = this.machine.answered(request, response);
        if (code !== ReasonCode.OK) {
          this.triggers.clear();
          this.publish();
          this.onLost(code);
        } else if (this.machine.reportedTrigger !== this.isTriggerHeld.value) {
          this.beat();
        }
      },
      () => this.machine.unanswered(request),
    );
  }
}

/** The operator can see this page and it has the keyboard. */
export function isPresent(): boolean {
  return document.visibilityState === 'visible' && document.hasFocus();
}
