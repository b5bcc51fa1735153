/** Build and update elements. Text only ever becomes text nodes, so no name can inject markup. */

type Properties = Readonly<Record<string, string | number | boolean | ((event: never) => void) | undefined>>;
type Child = Node | string | null;

/**
 * Make an element. Properties that start with "on" are event listeners; booleans set or omit an attribute;
 * everything else is an attribute.
 */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K, properties: Properties = {}, ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value as EventListener);
    else if (typeof value === 'boolean') element.toggleAttribute(name, value);
    else if (value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Set an element's text, only when it differs. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Set an attribute that style sheets and tests look at, only when it differs. */
export function setData(element: HTMLElement, name: string, value: string): void {
  if (element.dataset[name] !== value) element.dataset[name] = value;
}

export function setHidden(element: HTMLElement, hidden: boolean): void {
  if (element.hidden !== hidden) element.hidden = hidden;
}

export function setDisabled(
  element: HTMLButtonElement | HTMLInputElement | HTMLSelectElement | HTMLFieldSetElement, disabled: boolean,
): void {
  if (element.disabled !== disabled) element.disabled = disabled;
}

export function button(label: string, onclick: () => void, properties: Properties = {}): HTMLButtonElement {
  return h('button', { type: 'button', onclick, ...properties }, label);
}

/** A labeled control. */
export function field(label: string, ...controls: HTMLElement[]): HTMLLabelElement {
  return h('label', { class: 'field' }, h('span', {}, label), ...controls);
}

/** Replace the options of a select, keeping the choice, only when they differ. */
export function setOptions(select: HTMLSelectElement, options: readonly { value: string; label: string }[]): void {
  const signature = JSON.stringify(options);
  if (select.dataset['signature'] === signature) return;
  select.dataset['signature'] = signature;
  const chosen = select.value;
  select.replaceChildren(...options.map(({ value, label }) => h('option', { value }, label)));
  if (options.some(({ value }) => value === chosen)) select.value = chosen;
}

/** Bring the children of a list in line with the data, reusing elements by key. */
export function setList<T>(
  list: HTMLElement, items: readonly T[], key: (item: T) => string, make: (item: T) => HTMLElement,
): void {
  const old = new Map([...list.children].map((child) => [(child as HTMLElement).dataset['key'], child]));
  const wanted = items.map((item) => {
    const existing = old.get(key(item));
    if (existing !== undefined) return existing;
    const made = make(item);
    made.dataset['key'] = key(item);
    return made;
  });
  if (wanted.length !== list.children.length || wanted.some((child, i) => child !== list.children[i])) {
    list.replaceChildren(...wanted);
  }
}
