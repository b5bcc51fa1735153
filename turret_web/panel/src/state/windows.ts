// SPDX-License-Identifier: Apache-2.0
/** What is open over the page, so that Escape and a click outside close the topmost one. */

import { signal } from '@preact/signals';

export class Windows {
  private readonly stack = signal<readonly { id: string; close: () => void }[]>([]);

  /** Note that something is open. Returns what to call when it was closed. */
  opened(id: string, close: () => void): () => void {
    const entry = { id, close };
    this.stack.value = [...this.stack.peek(), entry];
    return () => { this.stack.value = this.stack.peek().filter((other) => other !== entry); };
  }

  /** Close the topmost window; false when nothing is open. */
  closeTop(): boolean {
    const top = this.stack.peek().at(-1);
    top?.close();
    return top !== undefined;
  }
}
