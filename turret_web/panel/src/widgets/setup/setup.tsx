// SPDX-License-Identifier: Apache-2.0
/** What is done once per build or per session, as a guided sequence: what is done, what is missing, and how. */

import { useSignal } from '@preact/signals';
import type { ComponentChildren, VNode } from 'preact';
import { useEffect } from 'preact/hooks';

import { CalibrateCamera_Goal, type RegisterValue } from '../../generated/interfaces';
import { degrees, milliseconds, number, percent, toRadians } from '../../state/format';
import { t } from '../../text';
import { usePanel } from '../../ui/app_context';
import { Button, ConfirmButton, Field, Group, NumberField, Select, Why } from '../../ui/controls';
import { useNumber } from '../../ui/hooks';
import { Task } from '../../ui/task';
import { TeachColor } from '../detector/detector';

function Step({ title, state, children }: { title: string; state: 'done' | 'missing' | 'optional'; children: ComponentChildren }): VNode {
  return (
    <li class="step" data-state={state}>
      <h3>{title} <span class="mark">{t.setup.states[state]}</span></h3>
      {children}
    </li>
  );
}

export function Setup(): VNode {
  const panel = usePanel();
  const { store } = panel;
  const gimbal = store.section('gimbal');
  const controller = store.section('controller');
  const safety = store.section('safety');
  const why = panel.whyNotControl.value;
  const isHomed = gimbal?.pan.homed && gimbal.tilt.homed;
  const hasRange = gimbal?.pan.calibrated && gimbal.tilt.calibrated;
  return (
    <Group title={t.setup.title}>
      <Why text={why} />
      <ol class="steps">
        <Step title={t.setup.home} state={isHomed ? 'done' : 'missing'}>
          <p class="quiet">{t.setup.homeText}</p>
          <div class="line">
            <Task name="gimbal/home" label={t.move.home} goal={() => ({})} progress={({ axis, phase, progress }) => `${axis}: ${t.tasks.phase(phase, progress)}`} done={() => t.move.homed} />
            {panel.offers('gimbal/set_home')
              ? <ConfirmButton label={t.setup.setHome} confirmLabel={t.setup.setHomeConfirm} why={why} onConfirm={() => { void panel.command('gimbal/set_home', {}); }} />
              : null}
          </div>
        </Step>
        <Step title={t.setup.range} state={hasRange ? 'done' : 'optional'}>
          <p class="quiet">{t.setup.rangeText}</p>
          <Task
            name="gimbal/calibrate" label={t.setup.measureRange} goal={() => ({})}
            progress={({ axis, phase, progress }) => `${axis}: ${t.tasks.phase(phase, progress)}`}
            done={(r) => t.setup.rangeDone(degrees(r.pan_lower), degrees(r.pan_upper), degrees(r.tilt_lower), degrees(r.tilt_upper))}
          />
        </Step>
        <Step title={t.setup.camera} state="optional"><CameraCalibration /></Step>
        <Step title={t.setup.boresight} state={controller?.crosshair.calibrated ? 'done' : 'missing'}><Boresight /></Step>
        <Step title={t.setup.delays} state="optional">
          <p class="quiet">{t.setup.still}</p>
          <Task
            name="controller/measure_delay" label={t.setup.measureDelays} title={t.setup.still} goal={() => ({ travel: 0 })}
            progress={({ phase, progress }) => t.tasks.phase(phase, progress)}
            done={(r) => t.setup.delaysDone(milliseconds(r.camera_s), milliseconds(r.processing_s), milliseconds(r.actuator_s))}
          />
        </Step>
        <Step title={t.setup.gains} state="optional">
          <p class="quiet">{t.setup.gainsText}</p><Button onClick={() => { panel.view.value = 'aim'; }}>{t.setup.open(t.views.aim)}</Button>
        </Step>
        <Step title={t.setup.zones} state={safety?.region_confirmed ? 'done' : safety !== null && safety.zones.length > 0 ? 'missing' : 'optional'}>
          <p class="quiet">{t.setup.zonesText}</p><Button onClick={() => { panel.view.value = 'zones'; }}>{t.setup.open(t.views.zones)}</Button>
        </Step>
        <Step title={t.setup.color} state="optional"><div class="line"><TeachColor /></div></Step>
        {panel.offers('gimbal/access_registers') ? <Step title={t.setup.registers} state="optional"><Registers /></Step> : null}
      </ol>
    </Group>
  );
}

function CameraCalibration(): VNode {
  const board = useSignal<number>(CalibrateCamera_Goal.BOARD_CHARUCO);
  const columns = useNumber(9, 4, 30, true);
  const rows = useNumber(6, 4, 30, true);
  return (
    <>
      <div class="line">
        <Select
          label={t.setup.board} value={board.value} onChange={(value) => { board.value = value; }}
          options={[
            { value: CalibrateCamera_Goal.BOARD_CHARUCO as number, label: 'ChArUco' },
            { value: CalibrateCamera_Goal.BOARD_CHESSBOARD as number, label: t.setup.chessboard },
          ]}
        />
        <NumberField label={t.setup.columns} box={columns} step={1} /><NumberField label={t.setup.rows} box={rows} step={1} />
      </div>
      <Task
        name="camera/calibrate" label={t.setup.calibrateCamera} withoutLease
        goal={() => (columns.value === null || rows.value === null ? t.why.fixFields
          : { board: board.value, columns: columns.value, rows: rows.value, marker: 0, views: 0 })}
        progress={({ prompt, progress }) => `${percent(progress)} · ${prompt}`}
        done={({ rms, horizontal_fov: fov }) => t.setup.cameraDone(number(rms, 2, 'px'), degrees(fov))}
      />
      <Task
        name="controller/check_bearings" label={t.setup.checkBearings} title={t.setup.still} goal={() => ({ travel: 0 })}
        progress={({ phase, progress }) => t.tasks.phase(phase, progress)}
        done={({ rms, worst, scale, roll }) => t.setup.bearingsDone(degrees(rms, 2), degrees(worst, 2), number(scale, 3), degrees(roll, 2))}
      />
    </>
  );
}

function Boresight(): VNode {
  const panel = usePanel();
  const why = panel.whyNotControl.value;
  const distance = useNumber(3, 0.1, 100);
  const left = useNumber(0, -28, 28);
  const up = useNumber(0, -28, 28);
  const distances = useSignal('1, 2, 4');
  const dots = useSignal<readonly { x: number; y: number; z: number }[]>([]);
  const crosshair = panel.store.section('controller')?.crosshair;
  useEffect(() => () => panel.picking.cancel('boresight'), []);

  async function set(request: { azimuth?: number; elevation?: number; points?: { x: number; y: number; z: number }[]; reset?: boolean }): Promise<void> {
    const answer = await panel.command('controller/set_boresight', {
      azimuth: 0, elevation: 0, offset_y: null, offset_z: null, points: [], reset: false, ...request,
    });
    if (answer === null) return;
    dots.value = [];
    panel.notices.done(answer.residual === null ? t.setup.boresightSet : t.setup.boresightResidual(degrees(answer.residual, 2)));
  }

  const ranges = distances.value.split(/[\s,;]+/).filter(Boolean).map(Number);
  const areRangesSound = ranges.length > 0 && ranges.every((range) => Number.isFinite(range) && range >= 0.1 && range <= 100);
  return (
    <>
      <p class="quiet">
        {crosshair === undefined ? '' : t.setup.boresightNow(degrees(crosshair.boresight_azimuth, 2), degrees(crosshair.boresight_elevation, 2))}
      </p>
      <div class="line">
        <NumberField label={t.setup.distance} box={distance} step={0.1} />
        <Button
          pressed={panel.picking.isFor('boresight')} why={why || distance.error}
          onClick={() => panel.picking.toggle({
            owner: 'boresight', hint: t.setup.dotHint, corners: false,
            use: ({ x, y }) => { if (distance.value !== null) dots.value = [...dots.value, { x, y, z: distance.value }]; },
          })}
        >
          {t.setup.markDot}
        </Button>
        {dots.value.length === 0 ? null : (
          <>
            <Button why={why} title={t.setup.useDotsTitle} onClick={() => { void set({ points: [...dots.value] }); }}>{t.setup.useDots(dots.value.length)}</Button>
            <Button onClick={() => { dots.value = []; }}>{t.setup.forgetDots}</Button>
            <span class="quiet">{dots.value.map(({ z }) => `${z} m`).join(', ')}</span>
          </>
        )}
      </div>
      <div class="line">
        <NumberField label={t.setup.left} box={left} step={0.05} /><NumberField label={t.setup.up} box={up} step={0.05} />
        <Button
          why={why || left.error || up.error}
          onClick={() => { if (left.value !== null && up.value !== null) void set({ azimuth: toRadians(left.value), elevation: toRadians(up.value) }); }}
        >
          {t.setup.setAngles}
        </Button>
        <ConfirmButton label={t.setup.resetBoresight} confirmLabel={t.setup.resetNow} why={why} onConfirm={() => { void set({ reset: true }); }} />
      </div>
      <div class="line">
        <Field label={t.setup.distances} error={areRangesSound ? '' : t.setup.wrongDistances}>
          <input type="text" value={distances.value} aria-invalid={!areRangesSound} onInput={(event) => { distances.value = event.currentTarget.value; }} />
        </Field>
        <Task
          name="controller/calibrate_boresight" label={t.setup.findDot} title={t.setup.findDotTitle}
          goal={() => (areRangesSound ? { ranges, move_s: 0 } : t.setup.wrongDistances)}
          progress={({ prompt, measured }) => prompt || t.setup.measured(measured)}
          done={({ residual }) => t.setup.boresightResidual(degrees(residual, 2))}
        />
      </div>
    </>
  );
}

const hex = (value: number, digits: number): string => `0x${value.toString(16).toUpperCase().padStart(digits, '0')}`;

/** Registers of the motor drivers, for those that have any. */
function Registers(): VNode {
  const panel = usePanel();
  const why = panel.whyNotControl.value;
  const found = useSignal<readonly RegisterValue[]>([]);
  async function exchange(write: RegisterValue[]): Promise<void> {
    const answer = await panel.command('gimbal/access_registers', { write });
    if (answer !== null) found.value = answer.registers;
  }
  return (
    <>
      <Button why={why} onClick={() => { void exchange([]); }}>{t.setup.readRegisters}</Button>
      {found.value.length === 0 ? null : (
        <table>
          <thead><tr>{t.setup.registerColumns.map((text) => <th key={text} scope="col">{text}</th>)}</tr></thead>
          <tbody>
            {found.value.map((register) => (
              <RegisterRow key={`${register.axis}/${register.name}`} register={register} why={why} onWrite={(value) => { void exchange([{ ...register, value }]); }} />
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

function RegisterRow({ register, why, onWrite }: { register: RegisterValue; why: string; onWrite: (value: number) => void }): VNode {
  const text = useSignal(register.valid ? hex(register.value, 8) : '');
  const isSound = /^0x[0-9a-f]{1,8}$/i.test(text.value);
  return (
    <tr>
      <td>{register.axis}</td><td>{register.name}</td><td>{hex(register.address, 2)}</td>
      <td>
        <input
          type="text" value={text.value} placeholder={t.setup.unreadable} aria-invalid={!isSound} size={12}
          aria-label={`${register.axis} ${register.name}`} onInput={(event) => { text.value = event.currentTarget.value; }}
        />
      </td>
      <td><ConfirmButton label={t.setup.write} confirmLabel={t.setup.writeNow} why={why || (isSound ? '' : t.fields.notANumber)} onConfirm={() => onWrite(Number(text.value))} /></td>
    </tr>
  );
}
