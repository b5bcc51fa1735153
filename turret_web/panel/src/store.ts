/**
 * What the panel knows about the turret, and how old it is. No I/O; time is an argument, in milliseconds by the
 * monotonic clock of the browser.
 */

import type {
  BagState, CameraState, ControllerState, GimbalState, LaserState, SafetyState, TurretStatus, VisionState,
} from './generated/interfaces';
import type { Connection } from './transport';

export interface Sections {
  camera: CameraState;
  vision: VisionState;
  controller: ControllerState;
  gimbal: GimbalState;
  laser: LaserState;
  safety: SafetyState;
  bag: BagState;
}

export type SectionName = keyof Sections;

export const SECTION_NAMES: readonly SectionName[] = [
  'camera', 'vision', 'controller', 'gimbal', 'laser', 'safety', 'bag',
];

/** A section older than this is shown as old [s]: nodes publish their state at least at 2 Hz. */
const OLD_SECTION_S = 1.5;
/** The whole panel is stale after so many missed status messages. */
const MISSED_PERIODS = 3;
const DEFAULT_PERIOD_S = 0.5;

interface Known<T> {
  value: T;
  /** When its node published it, as far as the panel can know. */
  bornAt: number;
}

export class Store {
  connection: Connection = 'connecting';
  status: TurretStatus | null = null;
  /** A replay is being held: nothing comes, and nothing is amiss. */
  isHeld = false;
  private statusAt = -Infinity;
  private readonly sections: { [K in SectionName]?: Known<Sections[K]> } = {};
  private readonly listeners: (() => void)[] = [];

  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  setConnection(connection: Connection): void {
    this.connection = connection;
    this.changed();
  }

  acceptStatus(status: TurretStatus, now: number): void {
    this.status = status;
    this.statusAt = now;
    for (const name of SECTION_NAMES) {
      const age = status[`${name}_age_s`];
      if (age === null) delete this.sections[name];
      else this.accept(name, status[name], now - age * 1000);
    }
    this.changed();
  }

  /**
   * Take a node's own state message, which comes sooner than the status. It counts as new only when its stamp differs
   * from what is known: the first one after subscribing may be a latched message of a node that died long ago.
   */
  acceptSection<K extends SectionName>(name: K, value: Sections[K], now: number): void {
    const known = this.sections[name]?.value.header.stamp;
    const { sec, nanosec } = value.header.stamp;
    if (known === undefined || (known.sec === sec && known.nanosec === nanosec)) return;
    this.accept(name, value, now);
    this.changed();
  }

  /** Newest value of a section; null = its node has never been seen. */
  section<K extends SectionName>(name: K): Sections[K] | null {
    return this.sections[name]?.value ?? null;
  }

  /** Age of a section in seconds; null = never seen. */
  sectionAge(name: SectionName, now: number): number | null {
    const known = this.sections[name];
    return known === undefined ? null : Math.max(0, now - known.bornAt) / 1000;
  }

  isSectionOld(name: SectionName, now: number): boolean {
    if (this.isHeld) return false;
    const age = this.sectionAge(name, now);
    return age === null || age > OLD_SECTION_S;
  }

  /** Seconds since the newest status; null = none yet. */
  statusAge(now: number): number | null {
    return this.status === null ? null : (now - this.statusAt) / 1000;
  }

  /** No status for three periods: nothing on the panel can be trusted. */
  isStale(now: number): boolean {
    if (this.isHeld) return false;
    const age = this.statusAge(now);
    return age === null || age > MISSED_PERIODS * (this.status?.period_s || DEFAULT_PERIOD_S);
  }

  private accept<K extends SectionName>(name: K, value: Sections[K], bornAt: number): void {
    const known = this.sections[name];
    if (known !== undefined && known.bornAt > bornAt) return;
    (this.sections as Record<SectionName, Known<Sections[SectionName]>>)[name] = { value, bornAt };
  }

  private changed(): void {
    for (const listener of this.listeners) listener();
  }
}
