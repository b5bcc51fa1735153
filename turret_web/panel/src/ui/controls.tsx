// SPDX-License-Identifier: Apache-2.0
/** Buttons, fields and frames that the widgets are made of. */

import type { ComponentChildren, JSX, VNode } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';

import type { SectionName } from '../bridge/sections';
import type { Action, ActionId } from '../state/actions';
import { age } from '../state/format';
import type { WhyNot } from '../state/panel';
import { t } from '../text';
import { useAction, usePanel } from './app_context';
import type { NumberBox } from './hooks';
import { Icon, type IconName } from './icon';

type ButtonProps = Omit<JSX.HTMLAttributes<HTMLButtonElement>, 'onClick' | 'icon'> & {
  /** Why it cannot be pressed now; empty = it can. */
  why?: WhyNot;
  tone?: 'primary' | 'danger' | 'quiet' | undefined;
  icon?: IconName;
  pressed?: boolean;
  onClick: () => void;
};

/** A button. While it cannot be pressed its tooltip says why. */
export function Button(
  { why = '', tone, icon, pressed, title, onClick, children, class: extra, ...rest }: ButtonProps,
): VNode {
  const classes = [tone, extra].filter(Boolean).join(' ');
  return (
    <button
      type="button" {...rest} class={classes || undefined} disabled={why !== ''} title={why || title}
      aria-pressed={pressed === undefined ? undefined : pressed} onClick={onClick}
    >
      {icon === undefined ? null : <Icon name={icon} />}{children}
    </button>
  );
}

/** Tooltip of an action: what it does, its key, or why it cannot be done. */
function actionTitle(action: Action, why: WhyNot): string {
  return why || [action.title ?? action.label(), action.keys === '' ? '' : t.help.key(action.keys)].filter(Boolean).join(' ');
}

/** The button of an action that acts once. */
export function ActionButton(
  { id, icon, iconOnly = false, tone, class: extra }: {
    id: ActionId; icon?: IconName; iconOnly?: boolean; tone?: 'primary' | 'danger' | 'quiet'; class?: string;
  },
): VNode {
  const action = useAction(id);
  const why = action.whyNot();
  const label = action.label();
  return (
    <Button
      why={why} tone={tone} title={actionTitle(action, why)} onClick={() => action.run('button')}
      {...(icon === undefined ? {} : { icon })} {...(iconOnly ? { 'aria-label': label } : {})}
      {...(extra === undefined ? {} : { class: extra })}
    >
      {iconOnly ? null : label}
    </Button>
  );
}

function isInside(element: Element, { clientX, clientY }: PointerEvent): boolean {
  const { left, right, top, bottom } = element.getBoundingClientRect();
  return clientX >= left && clientX <= right && clientY >= top && clientY <= bottom;
}

/**
 * The button of an action that lasts while it is held by a pointer. Space or enter on it are held keys like all others:
 * state/keyboard.ts presses and releases them, also when their key-up never comes.
 */
export function HoldButton(
  { id, isHeld, class: extra, children }: { id: ActionId; isHeld: boolean; class?: string; children?: ComponentChildren },
): VNode {
  const action = useAction(id);
  const why = action.whyNot();
  const release = (): void => action.release?.('button');
  const possible = why === '';
  useEffect(() => { if (!possible) release(); });
  useEffect(() => release, []);
  return (
    <button
      type="button" class={`hold ${extra ?? ''}`} data-hold={id} disabled={!possible} title={actionTitle(action, why)}
      aria-pressed={isHeld} aria-keyshortcuts={action.keys}
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        action.run('button');
      }}
      onPointerMove={(event) => { if (!isInside(event.currentTarget, event)) release(); }}
      onPointerUp={release} onPointerCancel={release} onLostPointerCapture={release} onPointerLeave={release}
      onBlur={release} onContextMenu={(event) => event.preventDefault()}
    >
      {children ?? action.label()}
    </button>
  );
}

/** How long a deliberate act must be held [ms]. */
export const DELIBERATE_MS = 700;

/** A button that acts only after it was held for a moment, with a ring that fills meanwhile. */
export function DeliberateButton({ id, class: extra }: { id: ActionId; class?: string }): VNode {
  const action = useAction(id);
  const why = action.whyNot();
  const [isHeld, setHeld] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const end = (): void => {
    clearTimeout(timer.current);
    setHeld(false);
  };
  const begin = (): void => {
    end();
    setHeld(true);
    timer.current = setTimeout(() => {
      end();
      if (action.whyNot() === '') action.run('button');
    }, DELIBERATE_MS);
  };
  useEffect(() => {
    document.addEventListener('visibilitychange', end);
    window.addEventListener('blur', end);
    return () => {
      document.removeEventListener('visibilitychange', end);
      window.removeEventListener('blur', end);
      end();
    };
  }, []);
  useEffect(() => { if (why !== '') end(); }, [why]);
  return (
    <button
      type="button" class={`deliberate ${extra ?? ''}`} data-held={isHeld} disabled={why !== ''}
      title={actionTitle(action, why)}
      onPointerDown={(event) => { if (event.button === 0) begin(); }}
      onPointerUp={end} onPointerLeave={end} onPointerCancel={end} onLostPointerCapture={end} onBlur={end}
      onContextMenu={(event) => { event.preventDefault(); end(); }}
      onKeyDown={(event) => {
        if (event.key !== ' ' && event.key !== 'Enter') {
          end(); // any other key, and Meta first of all, after which no key-up may come
          return;
        }
        event.preventDefault();
        if (!event.repeat) begin();
      }}
      onKeyUp={end}
    >
      <svg class="ring" viewBox="0 0 24 24" aria-hidden="true"><circle class="track" cx="12" cy="12" r="9" /><circle cx="12" cy="12" r="9" /></svg>{action.label()}
    </button>
  );
}

/** A second press sooner than this is part of a double click [ms]. */
export const SECOND_THOUGHT_MS = 600;

/**
 * A button that asks before it acts. The question replaces the button, with "Keep" where the button was, and the answer
 * counts only after a moment, so neither a double click nor a held key confirms it.
 */
export function ConfirmButton(
  { label, confirmLabel, why = '', onConfirm }: { label: string; confirmLabel: string; why?: WhyNot; onConfirm: () => void },
): VNode {
  const [askedAt, setAskedAt] = useState<number | null>(null);
  if (askedAt === null) {
    return (
      <button
        type="button" disabled={why !== ''} title={why || undefined}
        onClick={(event) => setAskedAt(event.timeStamp)}
      >
        {label}
      </button>
    );
  }
  return (
    <span class="confirm" role="group" aria-label={confirmLabel}>
      <button type="button" autofocus onClick={(event) => { if (event.timeStamp - askedAt > SECOND_THOUGHT_MS) setAskedAt(null); }}>
        {t.fields.keep}
      </button>
      <button
        type="button" class="danger"
        onKeyDown={(event) => { if (event.repeat) event.preventDefault(); }}
        onClick={(event) => {
          if (event.timeStamp - askedAt < SECOND_THOUGHT_MS) return;
          setAskedAt(null);
          onConfirm();
        }}
      >
        {confirmLabel}
      </button>
    </span>
  );
}

/** A labeled control. */
export function Field({ label, error = '', children }: { label: string; error?: string; children: ComponentChildren }): VNode {
  return (
    <label class="field" data-error={error !== ''}>
      <span>{label}</span>{children}{error === '' ? null : <span class="error" role="alert">{error}</span>}
    </label>
  );
}

/** A number in the unit that its label names. */
export function NumberField(
  { label, box, step = 'any', disabled = false }: { label: string; box: NumberBox; step?: number | 'any'; disabled?: boolean },
): VNode {
  return (
    <Field label={label} error={box.error}>
      <input
        type="number" value={box.text} min={box.min} max={box.max} step={step} disabled={disabled}
        aria-invalid={box.error !== ''} onInput={(event) => box.setText(event.currentTarget.value)}
      />
    </Field>
  );
}

export function Check(
  { label, checked, why = '', onChange }: { label: string; checked: boolean; why?: WhyNot; onChange: (checked: boolean) => void },
): VNode {
  return (
    <label class="check" title={why || undefined}>
      <input
        type="checkbox" checked={checked} disabled={why !== ''}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      {label}
    </label>
  );
}

export function Slider(
  { label, value, min, max, step, text, why = '', onInput, onCommit }: {
    label: string; value: number; min: number; max: number; step: number; text: string; why?: WhyNot;
    onInput: (value: number) => void; onCommit: (value: number) => void;
  },
): VNode {
  return (
    <label class="slider" title={why || undefined}>
      <span>{label}</span>
      <input
        type="range" min={min} max={max} step={step} value={value} disabled={why !== ''}
        onInput={(event) => onInput(event.currentTarget.valueAsNumber)}
        onChange={(event) => onCommit(event.currentTarget.valueAsNumber)}
      />
      <output>{text}</output>
    </label>
  );
}

export function Select<V extends string | number>(
  { label, value, options, why = '', onChange }: {
    label: string; value: V; options: readonly { value: V; label: string; disabled?: boolean }[]; why?: WhyNot;
    onChange: (value: V) => void;
  },
): VNode {
  return (
    <Field label={label}>
      <select
        value={String(value)} disabled={why !== ''} title={why || undefined}
        onChange={(event) => {
          const chosen = options.find((option) => String(option.value) === event.currentTarget.value);
          if (chosen !== undefined) onChange(chosen.value);
        }}
      >
        {options.map((option) => (
          <option key={option.value} value={String(option.value)} disabled={option.disabled ?? false} selected={option.value === value}>
            {option.label}
          </option>
        ))}
      </select>
    </Field>
  );
}

/** A row of buttons of which one is chosen. */
export function Segmented<V extends string | number>(
  { label, options, value, why = '', onChange }: {
    label: string; options: readonly { value: V; label: string; title?: string }[]; value: V | null; why?: WhyNot;
    onChange: (value: V) => void;
  },
): VNode {
  return (
    <div class={`segmented${options.length > 5 ? ' many' : ''}`} role="group" aria-label={label}>
      {options.map((option) => (
        <Button
          key={option.value} pressed={option.value === value} why={why}
          {...(option.title === undefined ? {} : { title: option.title })} onClick={() => onChange(option.value)}
        >
          {option.label}
        </Button>
      ))}
    </div>
  );
}

/** The reason why a group of controls cannot be used; its line is reserved, so nothing moves. */
export function Why({ text }: { text: WhyNot }): VNode {
  return <p class="why" role="status">{text}</p>;
}

/** A titled group within a view; with a section, its age is shown once it is old. */
export function Group(
  { title, section, children, class: extra }: {
    title: string; section?: SectionName; children: ComponentChildren; class?: string;
  },
): VNode {
  const id = useId();
  return (
    <section class={`group ${extra ?? ''}`} aria-labelledby={id} {...(section === undefined ? {} : { 'data-section': section })}>
      <header><h2 id={id}>{title}</h2>{section === undefined ? null : <OldAge section={section} />}</header>
      {children}
    </section>
  );
}

/** The age of a section, shown only when it is old. */
export function OldAge({ section }: { section: SectionName }): VNode | null {
  const { store } = usePanel();
  return store.old[section].value ? <span class="age old">{age(store.sectionAge(section, store.now.value))}</span> : null;
}
