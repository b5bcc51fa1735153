/** Whether the panel hears the turret: connection, status count and age; and the banner when it does not. */

import { h, setData, setHidden, setText } from '../dom';
import { age } from '../format';
import type { Panel, Widget } from '../panel';

export function connection(panel: Panel): Widget {
  const label = h('span', { class: 'label' });
  const count = h('span', { class: 'count', 'data-testid': 'status-seq' });
  const statusAge = h('span', { class: 'age', 'data-testid': 'status-age' });
  const element = h('div', { class: 'connection', role: 'status' },
    h('span', { class: 'dot', 'aria-hidden': 'true' }), label, h('span', { class: 'beat' }, count, statusAge));
  return {
    element,
    update(now) {
      const { store } = panel;
      const isStale = store.isStale(now);
      const state = store.connection !== 'open' ? store.connection : isStale ? 'silent' : 'live';
      setData(element, 'state', state);
      setText(label, { connecting: 'Connecting', closed: 'Reconnecting', silent: 'No status', live: 'Live' }[state]);
      setText(count, store.status === null ? '' : `#${store.status.seq}`);
      setText(statusAge, store.status === null ? '' : age(store.statusAge(now)));
    },
  };
}

/** The line under the header that says that everything shown is old. */
export function staleBanner(panel: Panel): Widget {
  const element = h('div', { class: 'banner', role: 'alert', hidden: true });
  return {
    element,
    update(now) {
      const { store } = panel;
      const isStale = store.isStale(now);
      document.body.classList.toggle('stale', isStale);
      setHidden(element, !isStale);
      if (!isStale) return;
      const cause = store.connection === 'open' ? 'The turret sends no status.' : 'No connection to the turret.';
      const statusAge = store.statusAge(now);
      setText(element, statusAge === null
        ? `${cause} Waiting for the first one.`
        : `${cause} Everything below is ${age(statusAge)} old. Reconnecting by itself.`);
    },
  };
}
