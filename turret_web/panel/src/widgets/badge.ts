/** SIMULATION, DRY RUN or LIVE LASER: what light this turret can make. */

import { h, setData, setText } from '../dom';
import { TurretStatus } from '../generated/interfaces';
import type { Panel, Widget } from '../panel';
import { constantName } from '../reasons';

export function badge(panel: Panel): Widget {
  const element = h('strong', { class: 'badge' });
  const watchdog = h('strong', { class: 'badge', 'data-backend': 'NO_WATCHDOG', hidden: true }, 'NO WATCHDOG');
  return {
    element: h('div', { class: 'badges' }, element, watchdog),
    update(now) {
      const { store } = panel;
      const backend = store.isStale(now)
        ? TurretStatus.BACKEND_UNKNOWN : store.status?.backend ?? TurretStatus.BACKEND_UNKNOWN;
      const name = constantName(TurretStatus, 'BACKEND_', backend);
      setText(element, name === 'UNKNOWN' ? 'BACKEND UNKNOWN' : name.replace('_', ' '));
      setData(element, 'backend', name);
      watchdog.hidden = !(store.section('laser')?.no_watchdog_accepted ?? false);
    },
  };
}
