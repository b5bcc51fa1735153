/** A button that asks once more before it acts, without a dialog that could cover the stop button. */

import { button, setData, setText } from '../dom';

const ASKING_MS = 3000;

export function confirmButton(label: string, question: string, act: () => void): HTMLButtonElement {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const ask = (asking: boolean): void => {
    clearTimeout(timer);
    setText(element, asking ? question : label);
    setData(element, 'asking', String(asking));
    if (asking) timer = setTimeout(() => ask(false), ASKING_MS);
  };
  const element = button(label, () => {
    const isSure = element.dataset['asking'] === 'true';
    ask(!isSure);
    if (isSure) act();
  }, { 'data-asking': 'false' });
  return element;
}
