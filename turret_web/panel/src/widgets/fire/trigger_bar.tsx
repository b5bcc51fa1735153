// SPDX-License-Identifier: Apache-2.0
/** Arm, disarm and hold to fire, with the state of the laser and its countdown. */

import type { VNode } from 'preact';

import { LaserState } from '../../generated/interfaces';
import { isArmed, isArming } from '../../state/actions';
import { duration } from '../../state/format';
import { constantName } from '../../state/reasons';
import { t } from '../../text';
import { usePanel } from '../../ui/app_context';
import { ActionButton, DeliberateButton, HoldButton } from '../../ui/controls';

function remaining(laser: LaserState): number | null {
  switch (laser.state) {
    case LaserState.STATE_ARMING: return laser.arming_remaining_s;
    case LaserState.STATE_ARMED: return laser.arm_remaining_s;
    case LaserState.STATE_COOLDOWN: return laser.cooldown_remaining_s;
    default: return null;
  }
}

/** What the laser does, in one word with its countdown; unknown while nothing current is known. */
export function LaserHeadline(): VNode {
  const { store } = usePanel();
  const laser = store.current('laser');
  const name = laser === null ? 'UNKNOWN' : constantName(LaserState, 'STATE_', laser.state);
  const left = laser === null ? null : remaining(laser);
  return (
    <p class="laser-state" data-testid="laser-state" data-state={name} title={laser === null ? t.fire.unknownTitle : ''}>
      <strong>{t.fire.states[name as keyof typeof t.fire.states] ?? name}</strong>
      {left === null ? null : <span>{duration(left)}</span>}
    </p>
  );
}

export function TriggerBar(): VNode {
  const panel = usePanel();
  const { store, operator } = panel;
  const laser = store.current('laser');
  const name = laser === null ? 'UNKNOWN' : constantName(LaserState, 'STATE_', laser.state);
  const canDisarm = isArmed(panel) || isArming(panel);
  return (
    <div class="fire" data-state={name} data-emitting={laser?.emitting ?? false} role="group" aria-label={t.fire.title}>
      {canDisarm ? <ActionButton id="disarm" class="arm" /> : <DeliberateButton id="arm" class="arm" />}
      <HoldButton id="fire" isHeld={operator.isTriggerHeld.value} />
    </div>
  );
}
