// SPDX-License-Identifier: Apache-2.0
/** SIMULATION, DRY RUN or LIVE LASER: whether this turret can emit light, and which protections it lacks. */

import type { VNode } from 'preact';

import { SafetyState, TurretStatus } from '../../generated/interfaces';
import { constantName } from '../../state/reasons';
import { t } from '../../text';
import { usePanel } from '../../ui/app_context';

export function Badges(): VNode {
  const { store } = usePanel();
  const name = constantName(TurretStatus, 'BACKEND_', store.status.value?.backend ?? TurretStatus.BACKEND_UNKNOWN);
  // The last known backend stays, with a question mark: a live laser must not look harmless because the link is lost.
  const label = t.badges.backends[name] ?? name;
  const [laser, safety] = [store.section('laser'), store.section('safety')];
  return (
    <div class="badges" role="group" aria-label={t.badges.title}>
      <strong class="badge" data-backend={name}>{store.stale.value && name !== 'UNKNOWN' ? t.badges.lastKnown(label) : label}</strong>
      {laser?.profile === 'class2_play' ? <strong class="badge" data-backend="DRY_RUN">{t.badges.class2}</strong> : null}
      {laser?.no_watchdog_accepted ? <strong class="badge" data-backend="NO_WATCHDOG">{t.badges.noWatchdog}</strong> : null}
      {laser?.hardware && safety?.exclusion === SafetyState.EXCLUSION_OFF
        ? <strong class="badge" data-backend="NO_EXCLUSION">{t.badges.noExclusion}</strong> : null}
    </div>
  );
}
