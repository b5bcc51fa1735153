// SPDX-License-Identifier: Apache-2.0
/** The sections of the status, one per node. */

import type {
  BagState, CameraState, ControllerState, GimbalState, LaserState, SafetyState, VisionState,
} from '../generated/interfaces';

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
