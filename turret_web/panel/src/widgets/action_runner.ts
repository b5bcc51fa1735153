/** One long task of the turret: a start button, its progress, and cancelling it. */

import { button, h, setDisabled, setHidden, setText } from '../dom';
import type { ActionName, Feedback, Goal, Result } from '../names';
import type { Panel, Widget } from '../panel';

export interface Task<A extends ActionName> {
  name: A;
  label: string;
  title?: string;  // what it needs
  goal: () => Omit<Goal<A>, 'lease_id'>;
  progress: (feedback: Feedback<A>) => string;
  done: (result: Result<A>) => string;
}

export function actionRunner<A extends ActionName>(panel: Panel, task: Task<A>): Widget {
  let cancel: (() => void) | null = null;
  const start = button(task.label, () => { void run(); }, { title: task.title ?? '' });
  const stop = button('Cancel', () => cancel?.());
  const progress = h('span', { class: 'quiet' });

  async function run(): Promise<void> {
    setText(progress, 'starting');
    const running = panel.run(task.name, task.goal(), (feedback) => setText(progress, task.progress(feedback)));
    cancel = running.cancel;
    const result = await running.result;
    cancel = null;
    setText(progress, result === null ? '' : task.done(result));
  }

  const element = h('div', { class: 'line task' }, start, stop, progress);
  return {
    element,
    update() {
      setHidden(element, !panel.offers(task.name));
      setHidden(start, cancel !== null);
      setHidden(stop, cancel === null);
      setDisabled(start, !panel.operator.isOperator);
    },
  };
}
