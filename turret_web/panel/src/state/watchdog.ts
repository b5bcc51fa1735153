// SPDX-License-Identifier: Apache-2.0
/**
 * Advances the clock that ages are counted to and shows the stale banner. It touches no widget and none of them runs in
 * it, so a fault in one can neither stop it nor hide that the panel is stale.
 */

import { age } from './format';
import type { Store } from './store';
import { t } from '../text';

const PERIOD_MS = 100;

/** Start it. Returns what stops it. */
export function watch(store: Store, banner: HTMLElement, body: HTMLElement): () => void {
  const beat = (): void => {
    try {
      store.now.value = performance.now();
    } catch (error) {
      console.error(error); // an effect failed; the age below is still right
    }
    const stale = store.stale.peek();
    if (body.classList.contains('stale') !== stale) body.classList.toggle('stale', stale);
    if (banner.hidden === stale) banner.hidden = !stale;
    if (!stale) return;
    const cause = store.connection.peek() === 'open' ? t.connection.noStatus : t.connection.noConnection;
    const statusAge = store.statusAge(performance.now());
    const text = statusAge === null ? `${cause} ${t.connection.waiting}` : `${cause} ${t.connection.old(age(statusAge))}`;
    if (banner.textContent !== text) banner.textContent = text;
  };
  beat();
  const timer = setInterval(beat, PERIOD_MS);
  return () => clearInterval(timer);
}
