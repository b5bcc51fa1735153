// SPDX-License-Identifier: Apache-2.0
/** The one job that the next click on the video has instead of looking there. */

import { signal } from '@preact/signals';

import type { Point2 } from '../video/overlay';

export interface Pick {
  /** Who asked, e.g. "boresight". */
  owner: string;
  /** What to click, for a person. */
  hint: string;
  /** A second click completes a rectangle. */
  corners: boolean;
  use: (first: Point2, second: Point2) => void;
}

export class Picking {
  readonly current = signal<Pick | null>(null);

  /** Ask for a click; the one that asked before is forgotten. Asking again cancels. */
  toggle(pick: Pick): void {
    this.current.value = this.current.peek()?.owner === pick.owner ? null : pick;
  }

  isFor(owner: string): boolean {
    return this.current.value?.owner === owner;
  }

  /** Forget the request of an owner, or any. */
  cancel(owner?: string): void {
    if (owner === undefined || this.current.peek()?.owner === owner) this.current.value = null;
  }
}
