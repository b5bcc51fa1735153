// SPDX-License-Identifier: Apache-2.0
/** Short messages in a corner: what was refused and why, what failed, what was done. */

import type { VNode } from 'preact';

import { t } from '../../text';
import { usePanel } from '../../ui/app_context';
import { Button } from '../../ui/controls';

export function NoticeList(): VNode {
  const { notices } = usePanel();
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.shown.value.map(({ id, tone, title, source, message, count, undo }) => (
        <div class={`notice ${tone}`} key={id}>
          <div>
            {title === '' ? null : <strong class="reason">{title}</strong>}
            {source === '' ? null : <span class="source">{source}</span>}
            {count > 1 ? <span class="source">{t.notices.times(count)}</span> : null}
            <p>{message}</p>
          </div>
          {undo === null ? null : <Button onClick={() => { notices.dismiss(id); undo(); }}>{t.fields.undo}</Button>}
          <Button tone="quiet" icon="close" aria-label={t.fields.dismiss} onClick={() => notices.dismiss(id)} />
        </div>
      ))}
    </div>
  );
}
