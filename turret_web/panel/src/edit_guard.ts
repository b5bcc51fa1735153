/**
 * Keeps what comes from the turret from overwriting what a person is editing. A control is left alone while it has the
 * focus or is dragged, and for a moment after a change, until the turret has had time to tell of it.
 */

const SETTLING_MS = 1500;

export type Editable = HTMLInputElement | HTMLSelectElement;

export class EditGuard {
  private changedAt = -Infinity;
  private held = false;

  constructor(private readonly control: Editable, send: () => void) {
    control.addEventListener('pointerdown', () => { this.held = true; });
    for (const end of ['pointerup', 'pointercancel', 'lostpointercapture'] as const) {
      control.addEventListener(end, () => { this.held = false; });
    }
    control.addEventListener('input', () => { this.changedAt = performance.now(); });
    control.addEventListener('change', () => {
      this.changedAt = performance.now();
      send();
    });
  }

  /** Show a value of the turret, unless somebody is editing. */
  show(value: string | boolean, now: number): void {
    if (this.isEditing(now)) return;
    if (typeof value === 'boolean') (this.control as HTMLInputElement).checked = value;
    else if (this.control.value !== value) this.control.value = value;
  }

  /** The control takes the turret's next value at once: the change was refused. */
  release(): void {
    this.changedAt = -Infinity;
  }

  isEditing(now: number): boolean {
    const isTyping = this.control instanceof HTMLInputElement
      && ['text', 'number'].includes(this.control.type) && document.activeElement === this.control;
    return this.held || isTyping || now - this.changedAt < SETTLING_MS;
  }
}
