// SPDX-License-Identifier: Apache-2.0
/** The one sentence that says what to do next, with the button that does it. */

import type { VNode } from 'preact';

import { guidance } from '../state/guidance';
import { t } from '../text';
import { usePanel } from '../ui/app_context';
import { ActionButton, Button } from '../ui/controls';

export function Guide(): VNode {
  const panel = usePanel();
  const { tone, text, code, action, view } = guidance(panel);
  return (
    <div class="guide" data-tone={tone} role="status" title={code}>
      <span>{text}</span>
      {action === undefined ? null : <ActionButton id={action} />}
      {view === undefined ? null : <Button onClick={() => { panel.view.value = view; }}>{t.guidance.show}</Button>}
    </div>
  );
}
