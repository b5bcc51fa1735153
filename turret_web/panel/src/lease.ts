/**
 * The operator's lease and its heartbeat as a state machine. No I/O; time is an argument, in milliseconds.
 *
 * Each heartbeat echoes the nonce of the previous answer, so at most one is under way. It is sent only while the
 * operator is present; when presence ends with the trigger held, one last heartbeat says that it is released.
 */

import { ReasonCode, type HeartbeatRequest, type HeartbeatResponse } from './generated/interfaces';

export const HEARTBEAT_PERIOD_MS = 50;

/** A heartbeat without an answer for so long is given up; the next one repeats its nonce. */
const ANSWER_TIMEOUT_MS = 1000;

const LOST: readonly number[] = [
  ReasonCode.NO_OPERATOR, ReasonCode.WRONG_LEASE, ReasonCode.HEARTBEAT_REPLAYED, ReasonCode.OPERATOR_CHANGED,
];

export class Lease {
  private leaseId = '';
  private nonce = '';
  private sentAt = -Infinity;
  private awaiting = false;
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
    this.sentAt = -Infinity;
    this.awaiting = false;
    this.sentTrigger = false;
  }

  clear(): void {
    this.grant('', '');
  }

  /** The newest heartbeat that was sent said that the trigger is held. */
  get saidTrigger(): boolean {
    return this.sentTrigger;
  }

  /** The heartbeat to send now, or null for none. Call it every {@link HEARTBEAT_PERIOD_MS} and on a change. */
  beat(now: number, present: boolean, trigger: boolean): HeartbeatRequest | null {
    if (!this.isHeld) return null;
    if (this.awaiting && now - this.sentAt < ANSWER_TIMEOUT_MS) return null;
    if (!present && !this.sentTrigger) return null;
    this.sentAt = now;
    this.awaiting = true;
    this.sentTrigger = present && trigger;
    return { lease_id: this.leaseId, nonce: this.nonce, trigger: this.sentTrigger };
  }

  /** Take the answer to the heartbeat under way. Returns the reason when it ended the lease, otherwise OK. */
  answered(response: HeartbeatResponse): number {
    this.awaiting = false;
    if (response.success) {
      this.nonce = response.nonce;
      return ReasonCode.OK;
    }
    if (!LOST.includes(response.code)) return ReasonCode.OK;
    this.clear();
    return response.code;
  }

  /** The heartbeat under way will get no answer. */
  unanswered(): void {
    this.awaiting = false;
  }
}
