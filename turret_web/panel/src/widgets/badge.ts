/** SIMULATION, DRY RUN or LIVE LASER: what light this turret can make. */

import { h, setData, setText } from '../dom';
import { SafetyState, TurretStatus } from '../generated/interfaces';
import type { Panel, Widget } from '../panel';
import { constantName } from '../reasons';

export function badge(panel: Panel): Widget {
  const element = h('strong', { class: 'badge' });
  const watchdog = h('strong', { class: 'badge', 'data-backend': 'NO_WATCHDOG', hidden: true }, 'NO WATCHDOG');
  const people = h('strong', { class: 'badge', 'data-backend': 'NO_EXCLUSION', hidden: true }, 'NO PERSON EXCLUSION');
  const play = h('strong', { class: 'badge', 'data-backend': 'DRY_RUN', hidden: true }, 'CLASS 2 PLAY');
  return {
    element: h('div', { class: 'badges' }, element, play, watchdog, people),
    update(now) {
      const { store } = panel;
      const backend = store.isStale(now)
        ? TurretStatus.BACKEND_UNKNOWN : store.status?.backend ?? TurretStatus.BACKEND_UNKNOWN;
      const name = constantName(TurretStatus, 'BACKEND_', backend);
      setText(element, name === 'UNKNOWN' ? 'BACKEND UNKNOWN' : name.replace('_', ' '));
      setData(element, 'backend', name);
      const [laser, safety] = [store.section('laser'), store.section('safety')];
      watchdog.hidden = !(laser?.no_watchdog_accepted ?? false);
      people.hidden = !(laser?.hardware && safety?.exclusion === SafetyState.EXCLUSION_OFF);
      play.hidden = laser?.profile !== 'class2_play';
    },
  };
}
