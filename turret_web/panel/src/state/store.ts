// SPDX-License-Identifier: Apache-2.0
/**
 * The state of the turret as signals, with the age of each part. No I/O; time is in milliseconds of the browser's
 * monotonic clock and comes from outside.
 */

import { batch, computed, signal, type ReadonlySignal, type Signal } from '@preact/signals';

import { SECTION_NAMES, type SectionName, type Sections } from '../bridge/sections';
import type { Connection } from '../bridge/transport';
import type { TurretStatus } from '../generated/interfaces';

/** A section older than this is shown as old [s]: nodes publish their state at least at 2 Hz. */
const OLD_SECTION_S = 1.5;
/** The whole panel is stale after so many missed status messages. */
const MISSED_PERIODS = 3;
const DEFAULT_PERIOD_S = 0.5;
/** Numbers that change oftener cannot be read, and each change costs a rendering [ms]. */
const READABLE_MS = 200;
/** Sections that come on a topic of their own as well. */
export type OwnTopic = 'controller' | 'gimbal' | 'laser' | 'safety';
/** Members of them whose change is shown at once. */
const AT_ONCE: { readonly [K in OwnTopic]: readonly (keyof Sections[K])[] } = {
  controller: ['mode', 'tracking', 'target_id', 'selected_id', 'on_target', 'code'],
  gimbal: ['motion', 'code'],
  laser: ['state', 'emitting', 'ready', 'power', 'fire_count', 'code'],
  safety: ['laser_ok', 'motion_ok', 'software_stop', 'estop', 'operator_name', 'trigger', 'auto_fire', 'zones_version', 'region_confirmed', 'exclusion'],
};

interface Known<T> {
  value: T;
  /** When its node published it, as far as the panel can know. */
  bornAt: number;
}

type KnownSignals = { readonly [K in SectionName]: Signal<Known<Sections[K]> | null> };

export class Store {
  /** Time that ages are counted to [ms]; the watchdog advances it. */
  readonly now = signal(0);
  readonly connection = signal<Connection>('connecting');
  readonly status = signal<TurretStatus | null>(null);
  /** A replay is paused: nothing arrives, and nothing is wrong. */
  readonly isPaused = signal(false);
  /** Nothing on the panel is current: there is no connection or no status. */
  readonly stale: ReadonlySignal<boolean> = computed(
    () => this.connection.value !== 'open' || this.isStale(this.now.value));
  /** Which sections are old; these change rarely, unlike the time that they are computed from. */
  readonly old = Object.fromEntries(SECTION_NAMES.map((name) => [
    name, computed(() => this.isSectionOld(name, this.now.value)),
  ])) as unknown as Readonly<Record<SectionName, ReadonlySignal<boolean>>>;
  private statusAt = -Infinity;
  /** When a message of a section's own topic was last taken. */
  private readonly shownAt = new Map<OwnTopic, number>();
  private readonly sections = Object.fromEntries(
    SECTION_NAMES.map((name) => [name, signal(null)])) as unknown as KnownSignals;

  acceptStatus(status: TurretStatus, now: number): void {
    batch(() => { // what shows it runs at the end, so a fault there loses no section
      this.statusAt = now;
      this.status.value = status;
      for (const name of SECTION_NAMES) {
        const age = status[`${name}_age_s`];
        if (age === null) this.sections[name].value = null;
        else this.accept(name, status[name], now - age * 1000);
      }
    });
  }

  /**
   * Take a node's own state message, which arrives before the status. It counts as new only when its stamp differs
   * from the known one: the first message after subscribing may be a latched one of a node that died long ago.
   */
  acceptSection<K extends OwnTopic>(name: K, value: Sections[K], now: number): void {
    const known = this.sections[name].peek()?.value.header.stamp;
    const { sec, nanosec } = value.header.stamp;
    if (known === undefined || (known.sec === sec && known.nanosec === nanosec)) return;
    if (now - (this.shownAt.get(name) ?? -Infinity) < READABLE_MS && !this.isNews(name, value)) return;
    this.shownAt.set(name, now);
    this.accept(name, value, now);
  }

  /** Newest value of a section; null = its node has never been seen. */
  section<K extends SectionName>(name: K): Sections[K] | null {
    return this.sections[name].value?.value ?? null;
  }

  /** As {@link section}, but null also while the panel is stale: for what must never be shown from memory. */
  current<K extends SectionName>(name: K): Sections[K] | null {
    return this.stale.value ? null : this.section(name);
  }

  /** Age of a section in seconds; null = never seen. */
  sectionAge(name: SectionName, now: number): number | null {
    const known = this.sections[name].value;
    return known === null ? null : Math.max(0, now - known.bornAt) / 1000;
  }

  isSectionOld(name: SectionName, now: number): boolean {
    if (this.isPaused.value) return false;
    const age = this.sectionAge(name, now);
    return age === null || age > OLD_SECTION_S;
  }

  /** Seconds since the newest status; null = none yet. */
  statusAge(now: number): number | null {
    return this.status.value === null ? null : (now - this.statusAt) / 1000;
  }

  /** No status for three periods: nothing on the panel is current. */
  isStale(now: number): boolean {
    if (this.isPaused.value) return false;
    const age = this.statusAge(now);
    return age === null || age > MISSED_PERIODS * (this.status.value?.period_s || DEFAULT_PERIOD_S);
  }

  /** Whether a message must not wait. */
  private isNews<K extends OwnTopic>(name: K, value: Sections[K]): boolean {
    const known = this.sections[name].peek()?.value;
    return AT_ONCE[name].some((member) => known?.[member] !== value[member]);
  }

  private accept<K extends SectionName>(name: K, value: Sections[K], bornAt: number): void {
    const known = this.sections[name] as Signal<Known<Sections[K]> | null>;
    const before = known.peek();
    if (before === null || before.bornAt <= bornAt) known.value = { value, bornAt };
  }
}
