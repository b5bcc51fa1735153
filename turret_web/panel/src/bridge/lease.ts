// SPDX-License-Identifier: Apache-2.0
/**
 * The operator's lease and its heartbeat as a state machine. No I/O; time is an argument, in milliseconds.
 *
 * Each heartbeat echoes the nonce of the previous answer, so at most one is under way. When an answer is lost, an empty
 * nonce asks for a new one; such a heartbeat does not count. They are sent only while the operator is present; when
 * presence ends with the trigger held, one last heartbeat says that it is released.
 */

import { ReasonCode, type Heartbeat_Request, type Heartbeat_Response } from '../generated/interfaces';

export const HEARTBEAT_PERIOD_MS = 50;

/** A heartbeat without an answer for so long is given up. */
const ANSWER_TIMEOUT_MS = 1000;

const LOST: readonly number[] = [ReasonCode.NO_OPERATOR, ReasonCode.WRONG_LEASE, ReasonCode.OPERATOR_CHANGED];

export class Lease {
  private leaseId = '';
  private nonce = '';
  private sentAt = -Infinity;
  private underWay: Heartbeat_Request | null = null;
  private sentTrigger = false;

  /** Lease id for commands; empty while there is none. */
  get id(): string {
    return this.leaseId;
  }

  get isHeld(): boolean {
    return this.leaseId !== '';
  }

  grant(leaseId: string, nonce: string): void {
    this.leaseId = leaseId;
    this.nonce = nonce;
    this.underWay = null;
    this.sentTrigger = false;
  }

  clear(): void {
    this.grant('', '');
  }

  /** The newest heartbeat that was sent reported the trigger as held. */
  get reportedTrigger(): boolean {
    return this.sentTrigger;
  }

  /** The heartbeat to send now, or null for none. Call it every {@link HEARTBEAT_PERIOD_MS} and on a change. */
  beat(now: number, present: boolean, trigger: boolean): Heartbeat_Request | null {
    if (!this.isHeld) return null;
    if (this.underWay !== null) {
      if (now - this.sentAt < ANSWER_TIMEOUT_MS) return null;
      this.unanswered(this.underWay);
    }
    if (!present && !this.sentTrigger) return null;
    this.sentAt = now;
    this.sentTrigger = present && trigger;
    this.underWay = { lease_id: this.leaseId, nonce: this.nonce, trigger: this.sentTrigger };
    return this.underWay;
  }

  /** Take the answer to a heartbeat. Returns the reason when it ended the lease, otherwise OK. */
  answered(request: Heartbeat_Request, response: Heartbeat_Response): number {
    if (request !== this.underWay) return ReasonCode.OK;
    this.underWay = null;
    this.nonce = response.nonce;
    if (response.success || !LOST.includes(response.code)) return ReasonCode.OK;
    this.clear();
    return response.code;
  }

  /** A heartbeat will get no answer. */
  unanswered(request: Heartbeat_Request): void {
    if (request !== this.underWay) return;
    this.underWay = null;
    this.nonce = '';
  }
}
