/** Who has control, and taking, taking over and releasing it. */

import { button, field, h, setData, setHidden, setText } from '../dom';
import { ReasonCode } from '../generated/interfaces';
import { isPresent } from '../operator';
import type { Panel, Widget } from '../panel';
import { reasonText } from '../reasons';

const NAME_KEY = 'turret.operator-name';

export function control(panel: Panel): Widget {
  const { operator, notices, store, session } = panel;
  const holder = h('span', { class: 'holder', 'data-testid': 'operator' });
  const name = h('input', { type: 'text', maxlength: 40, value: localStorage.getItem(NAME_KEY) ?? 'Panel', size: 12 });
  const question = h('p', {});
  const takeOver = h('div', { class: 'popover', role: 'alertdialog', 'aria-label': 'Take over control', hidden: true },
    question,
    h('div', { class: 'actions' },
      button('Take over', () => { void acquire(true); }, { class: 'danger' }),
      button('Cancel', () => setHidden(takeOver, true))));
  const take = button('Take control', () => { void acquire(false); }, { class: 'primary' });
  const release = button('Release', () => { void operator.release(); });

  async function acquire(force: boolean): Promise<void> {
    setHidden(takeOver, true);
    localStorage.setItem(NAME_KEY, name.value);
    try {
      const response = await operator.acquire(name.value.trim() || 'Panel', force);
      if (response.success) return;
      if (response.code === ReasonCode.LEASE_TAKEN) {
        const other = store.section('safety')?.operator_name || 'Somebody else';
        setText(question, `${other} has control. Taking over disarms the laser.`);
        setHidden(takeOver, false);
        takeOver.querySelector('button')?.focus();
      } else {
        notices.refused('safety/acquire_lease', response.code, response.message);
      }
    } catch (error) {
      notices.failed(`Control: ${(error as Error).message}`);
    }
  }

  operator.onLost = (code) => notices.refused('control', code, `Control ended: ${reasonText(code)}.`);
  const nameField = field('Name', name);
  const element = h('div', { class: 'control' }, holder, nameField, take, release, takeOver);
  return {
    element,
    update() {
      const mine = operator.isOperator;
      const other = store.section('safety')?.operator_name ?? '';
      setData(element, 'state', mine ? (isPresent() ? 'mine' : 'away') : other === '' ? 'free' : 'other');
      const isViewer = session.role !== 'operator';
      setText(holder, mine
        ? (isPresent() ? 'You have control' : 'Paused: page not in focus')
        : `${isViewer ? 'Watching · ' : ''}${other || 'Nobody'} has control`);
      setHidden(nameField, mine || isViewer);
      setHidden(take, mine || isViewer);
      setHidden(release, !mine);
    },
  };
}
