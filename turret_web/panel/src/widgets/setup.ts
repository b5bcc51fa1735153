/** What is done once per build or per session: home, calibration, boresight, delays, gains, colors, registers. */

import { button, field, h, setDisabled, setHidden, setText } from '../dom';
import { DEGREES, degrees, milliseconds, number, percent, toRadians } from '../format';
import { CalibrateCamera_Goal } from '../generated/interfaces';
import type { Panel, Widget } from '../panel';
import { actionRunner } from './action_runner';
import { registers } from './registers';
import type { Video } from './video';

const STILL = 'A target that stands still must be in sight.';

function boresight(panel: Panel, video: Video): Widget {
  const distance = h('input', { type: 'number', min: 0.1, max: 100, step: 0.1, value: 3 });
  const azimuth = h('input', { type: 'number', step: 0.05, value: 0 });
  const elevation = h('input', { type: 'number', step: 0.05, value: 0 });
  const distances = h('input', { type: 'text', value: '1, 2, 4', size: 10 });
  const now = h('span', { class: 'quiet' });
  const marked = h('span', { class: 'quiet' });
  let dots: { x: number; y: number; z: number }[] = [];
  let picking = false;

  async function set(request: {
    azimuth?: number; elevation?: number; points?: typeof dots; reset?: boolean;
  }): Promise<void> {
    const answer = await panel.command('controller/set_boresight', {
      azimuth: 0, elevation: 0, offset_y: null, offset_z: null, points: [], reset: false, ...request,
    });
    if (answer === null) return;
    dots = [];
    panel.notices.done(`Boresight set, residual ${degrees(answer.residual, 2)}.`);
  }

  const pick = button('Mark the laser dot', () => {
    picking = !picking;
    video.setPick(!picking ? null : {
      hint: 'Click the laser dot in the video',
      use: ({ x, y }) => {
        picking = false;
        video.setPick(null);
        dots.push({ x, y, z: distance.valueAsNumber || 1 });
      },
    });
  });
  const useDots = button('Set from the dots', () => { void set({ points: dots }); },
    { title: 'One dot sets the direction; dots at several distances also find how far the laser is from the camera.' });
  const forget = button('Forget the dots', () => { dots = []; });
  const apply = button('Set angles', () => {
    void set({ azimuth: toRadians(azimuth.valueAsNumber || 0), elevation: toRadians(elevation.valueAsNumber || 0) });
  });
  const reset = button('Reset', () => { void set({ reset: true }); });
  const automatic = actionRunner(panel, {
    name: 'controller/calibrate_boresight', label: 'Find the dot by itself',
    title: 'Choose Manual and arm the laser first. The beam must land on a surface at each distance.',
    goal: () => ({ ranges: distances.value.split(/[\s,;]+/).filter((text) => text !== '').map(Number), move_s: 0 }),
    progress: ({ prompt, measured }) => prompt || `${measured} measured`,
    done: ({ residual }) => `residual ${degrees(residual, 2)}`,
  });
  const element = h('section', {}, h('h3', {}, 'Boresight'), now,
    h('div', { class: 'line' }, field('Distance [m]', distance), pick, useDots, forget, marked),
    h('div', { class: 'line' }, field('Left [°]', azimuth), field('Up [°]', elevation), apply, reset),
    h('div', { class: 'line' }, field('Distances [m]', distances), automatic.element));
  return {
    element,
    update(time) {
      const crosshair = panel.store.section('controller')?.crosshair;
      setText(now, crosshair === undefined ? '' : [
        `laser ${((crosshair.boresight_azimuth ?? 0) * DEGREES).toFixed(2)}° left`,
        `${((crosshair.boresight_elevation ?? 0) * DEGREES).toFixed(2)}° up of the camera`,
        crosshair.calibrated ? 'calibrated' : 'not calibrated',
      ].join(' · '));
      setHidden(element, !panel.offers('controller/set_boresight'));
      pick.setAttribute('aria-pressed', String(picking));
      setText(marked, dots.map(({ z }) => `${z} m`).join(', '));
      setHidden(useDots, dots.length === 0);
      setHidden(forget, dots.length === 0);
      for (const control of [pick, useDots, apply, reset]) setDisabled(control, !panel.operator.isOperator);
      automatic.update?.(time);
    },
  };
}

function cameraCalibration(panel: Panel): Widget {
  const [chess, charuco] = [String(CalibrateCamera_Goal.BOARD_CHESSBOARD), String(CalibrateCamera_Goal.BOARD_CHARUCO)];
  const board = h('select', {}, h('option', { value: charuco }, 'ChArUco'), h('option', { value: chess }, 'chessboard'));
  const columns = h('input', { type: 'number', min: 4, max: 30, value: 9 });
  const rows = h('input', { type: 'number', min: 4, max: 30, value: 6 });
  const calibrate = actionRunner(panel, {
    name: 'camera/calibrate', label: 'Calibrate the camera',
    goal: () => ({
      board: Number(board.value), columns: columns.valueAsNumber || 0, rows: rows.valueAsNumber || 0, marker: 0, views: 0,
    }),
    progress: ({ prompt, progress }) => `${percent(progress)} · ${prompt}`,
    done: ({ rms, horizontal_fov }) => `residual ${number(rms, 2, 'px')}, field of view ${degrees(horizontal_fov, 1)}`,
  });
  const check = actionRunner(panel, {
    name: 'controller/check_bearings', label: 'Check the bearings', title: STILL,
    goal: () => ({ travel: 0 }),
    progress: ({ phase, progress }) => `${phase} ${percent(progress)}`,
    done: ({ rms, worst, scale, roll }) => `spread ${degrees(rms, 2)}, worst ${degrees(worst, 2)}, `
      + `focal length × ${number(scale, 3)}, roll ${degrees(roll, 2)}`,
  });
  const element = h('section', {}, h('h3', {}, 'Camera'),
    h('div', { class: 'line' }, field('Board', board), field('Columns', columns), field('Rows', rows), calibrate.element),
    h('div', { class: 'line' }, check.element));
  return {
    element,
    update(now) {
      setHidden(element, !panel.offers('camera/calibrate') && !panel.offers('controller/check_bearings'));
      calibrate.update?.(now);
      check.update?.(now);
    },
  };
}

function teachColor(panel: Panel, video: Video): Widget {
  const result = h('span', { class: 'quiet' });
  let picking = false;
  const pick = button('Teach a color', () => {
    picking = !picking;
    video.setPick(!picking ? null : {
      hint: 'Click the balloon’s color in the video',
      use: ({ x, y }) => {
        picking = false;
        video.setPick(null);
        void teach(x, y);
      },
    });
  });

  async function teach(x: number, y: number): Promise<void> {
    const answer = await panel.command('vision/teach_color', { x, y, radius: 0 });
    if (answer === null) return;
    const [hue, saturation, value] = answer.hsv_center;
    setText(result, `hue ${number((hue ?? 0) * 360, 0)}°, saturation ${percent(saturation ?? null)}, value ${percent(value ?? null)}`);
  }

  const element = h('section', {}, h('h3', {}, 'Balloon color'), h('div', { class: 'line' }, pick, result));
  return {
    element,
    update() {
      setHidden(element, !panel.offers('vision/teach_color'));
      pick.setAttribute('aria-pressed', String(picking));
    },
  };
}

export function setup(panel: Panel, video: Video): Widget {
  const setHome = button('This is home', () => { void panel.command('gimbal/set_home', {}); },
    { title: 'The present direction becomes pan 0, tilt 0. Voids a confirmed region.' });
  const tune = (axis: 'pan' | 'tilt'): Widget => actionRunner(panel, {
    name: 'controller/auto_tune', label: `Tune ${axis}`, title: 'Swings the head by some degrees.',
    goal: () => ({ axis, travel: 0, apply: true }),
    progress: ({ phase, progress }) => `${phase} ${percent(progress)}`,
    done: ({ kp, ki, kd }) => `kp ${number(kp, 2)}, ki ${number(ki, 2)}, kd ${number(kd, 3)}`,
  });
  const runners = [
    actionRunner(panel, {
      name: 'gimbal/home', label: 'Home', goal: () => ({}),
      progress: ({ axis, phase, progress }) => `${axis}: ${phase} ${percent(progress)}`, done: () => 'homed',
    }),
    actionRunner(panel, {
      name: 'gimbal/calibrate', label: 'Measure the range', goal: () => ({}),
      progress: ({ axis, phase, progress }) => `${axis}: ${phase} ${percent(progress)}`,
      done: (result) => `pan ${degrees(result.pan_lower)} to ${degrees(result.pan_upper)}, `
        + `tilt ${degrees(result.tilt_lower)} to ${degrees(result.tilt_upper)}`,
    }),
    actionRunner(panel, {
      name: 'controller/measure_delay', label: 'Measure delays', title: STILL,
      goal: () => ({ travel: 0 }),
      progress: ({ phase, progress }) => `${phase} ${percent(progress)}`,
      done: (result) => `camera ${milliseconds(result.camera_s)}, processing ${milliseconds(result.processing_s)}, `
        + `actuator ${milliseconds(result.actuator_s)}`,
    }),
    tune('pan'), tune('tilt'),
  ];
  const others = [boresight(panel, video), cameraCalibration(panel), teachColor(panel, video), registers(panel)];
  return {
    element: h('div', { class: 'stack' },
      h('section', {}, h('h3', {}, 'Head'), h('div', { class: 'line' }, setHome, ...runners.map(({ element }) => element))),
      ...others.map(({ element }) => element)),
    update(now) {
      setHidden(setHome, !panel.offers('gimbal/set_home'));
      setDisabled(setHome, !panel.operator.isOperator);
      for (const widget of [...runners, ...others]) widget.update?.(now);
    },
  };
}
