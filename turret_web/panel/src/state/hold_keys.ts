// SPDX-License-Identifier: Apache-2.0
/**
 * Held keys as a dead-man switch. A key counts as held only while that is certain: losing the focus, hiding the page,
 * the Meta key (after which some systems send no key-up) or a second without any key event releases everything. Held
 * keys repeat by themselves, so a keyboard that is really held keeps sending events. Time is in milliseconds.
 */

/** Without a key event for so long, held keys count as released [ms]. */
export const DOUBT_MS = 1000;

export class HoldKeys {
  private readonly held = new Map<string, () => void>();
  private eventAt = -Infinity;

  /** A key is held: `release` is called once when it no longer is. */
  press(code: string, now: number, release: () => void): void {
    this.eventAt = now;
    if (!this.held.has(code)) this.held.set(code, release);
  }

  get isAny(): boolean {
    return this.held.size > 0;
  }

  /** Any key event shows that the keyboard still reaches this page. */
  renew(now: number): void {
    this.eventAt = now;
  }

  release(code: string): void {
    const release = this.held.get(code);
    this.held.delete(code);
    try {
      release?.();
    } catch (error) {
      console.error(error); // the others must be released all the same
    }
  }

  releaseAll(): void {
    for (const code of [...this.held.keys()]) this.release(code);
  }

  /** Release what has not been confirmed; call it a few times per second. */
  check(now: number): void {
    if (this.held.size > 0 && now - this.eventAt > DOUBT_MS) this.releaseAll();
  }
}
