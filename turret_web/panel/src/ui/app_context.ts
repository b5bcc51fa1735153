// SPDX-License-Identifier: Apache-2.0
/** What components reach without passing it down: the panel, its actions, jog and stop. */

import { createContext } from 'preact';
import { useContext } from 'preact/hooks';

import type { Action, ActionId } from '../state/actions';
import type { Jog } from '../state/jog';
import type { Panel } from '../state/panel';
import type { StopSwitch } from '../state/stop';

export interface App {
  panel: Panel;
  jog: Jog;
  stop: StopSwitch;
  actions: ReadonlyMap<ActionId, Action>;
}

export const AppContext = createContext<App | null>(null);

export function useApp(): App {
  const app = useContext(AppContext);
  if (app === null) throw new Error('a component is used outside of the panel');
  return app;
}

export function usePanel(): Panel {
  return useApp().panel;
}

export function useAction(id: ActionId): Action {
  const action = useApp().actions.get(id);
  if (action === undefined) throw new Error(`there is no action ${id}`);
  return action;
}
