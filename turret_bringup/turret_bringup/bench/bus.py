# SPDX-License-Identifier: Apache-2.0
"""Cycle time of a bus with two servos, and how evenly the driver sends goals.

A cycle reads both servos and sends both goals. Without ``--port`` the bus is emulated on a pseudo-terminal, which takes
the time of the bytes on the wire and the latency of ``--latency``; with it real servos are read, with their motors off.
Rows "calculated" give the time of the bytes alone, and the cycle rate that it would allow. Intervals are those between
the goals of the driver as the emulated servos receive them.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from collections.abc import Iterator
from itertools import pairwise

from turret_common.bench import Row, note, percentile
from turret_control.devices.motion_profile import stand_still
from turret_control.drivers.bus_servo import BusServoDriver
from turret_control.drivers.dynamixel import DynamixelDriver, DynamixelParameters
from turret_control.drivers.feetech import FeetechDriver, FeetechParameters
from turret_control.servo_bus.bus import ServoBus
from turret_control.servo_bus.emulator import EmulatedBus
from turret_control.servo_bus.protocols import PROTOCOLS
from turret_control.servo_bus.pty_bus import PtyBus
from turret_control.servo_bus.wire import SerialWire

_BITS_PER_BYTE = 10
_SERVOS = (1, 2)


class _CountingWire(SerialWire):
    """A serial port that counts its bytes."""

    count = 0

    def send(self, data: bytes) -> None:
        self.count += len(data)
        super().send(data)

    def receive(self, count: int, timeout_s: float) -> bytes:
        data = super().receive(count, timeout_s)
        self.count += len(data)
        return data


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the benchmark's arguments."""
    parser.add_argument('--protocol', choices=PROTOCOLS, action='append', help='kind of servos (default: all)')
    parser.add_argument('--baud', type=int, default=1_000_000, help='baud rate (default 1000000)')
    parser.add_argument('--latency', type=float, nargs='+', default=(0.0, 0.001), metavar='S',
                        help='times until emulated servos answer (default 0 and 0.001 s)')
    parser.add_argument('--period', type=float, default=0.01, metavar='S', help='period of the driver (default 0.01 s)')
    parser.add_argument('--seconds', type=float, default=3.0, help='time of each measurement')
    parser.add_argument('--port', help='measure the servos 1 and 2 on this port instead')


def measure(args: argparse.Namespace) -> Iterator[Row]:
    """Yield the figures of each protocol and latency."""
    for name in args.protocol or PROTOCOLS:
        calculated = True
        if name == 'dynamixel' and importlib.util.find_spec('dynamixel_sdk') is None:
            note('dynamixel: the Python package dynamixel-sdk is not installed')
            continue
        if args.port:
            yield from _cycles(name, 'real servos', args.port, args)
            continue
        for latency_s in args.latency:
            variant = f'emulated, {1e3 * latency_s:g} ms'
            emulated = PROTOCOLS[name].emulated()
            emulated.faults.latency_s = latency_s
            served = PtyBus(emulated)
            try:
                yield from _cycles(name, variant, served.path, args, calculated)
                calculated = False
                yield from _intervals(name, variant, served.path, emulated, args)
            finally:
                served.close()


def _cycles(
        name: str, variant: str, port: str, args: argparse.Namespace, calculated: bool = True) -> Iterator[Row]:
    wire = _CountingWire(port, args.baud)
    bus: ServoBus = PROTOCOLS[name].bus(wire, 0.04)
    scenario = f'{name}, 2 servos, {args.baud} Bd'
    times: list[float] = []
    lost = 0
    try:
        goals = {servo: (bus.get(servo, 'position'), 100.0) for servo in _SERVOS}
        wire.count = 0
        end_s = time.monotonic() + args.seconds
        while time.monotonic() < end_s:
            begin_s = time.monotonic()
            lost += len(bus.states(_SERVOS)) < len(_SERVOS)
            bus.move(goals)
            times.append(time.monotonic() - begin_s)
    finally:
        bus.close()
    bytes_per_cycle = wire.count / len(times)
    wire_s = _BITS_PER_BYTE * bytes_per_cycle / args.baud
    if calculated:
        yield Row(scenario, 'calculated', 'bytes in a cycle', bytes_per_cycle, 'B')
        yield Row(scenario, 'calculated', 'time on the wire', 1e3 * wire_s, 'ms')
        yield Row(scenario, 'calculated', 'cycle rate, maximum', 1.0 / wire_s, 'Hz')
    for metric, share in (('median', 0.5), ('p99', 0.99), ('maximum', 1.0)):
        yield Row(scenario, variant, f'cycle time, {metric}', 1e3 * percentile(times, share), 'ms')
    yield Row(scenario, variant, 'cycles with a lost answer', lost, '')


def _intervals(name: str, variant: str, port: str, emulated: EmulatedBus, args: argparse.Namespace) -> Iterator[Row]:
    """Run the driver at its period; yield how far the intervals of the goals are from it."""
    driver: BusServoDriver
    if name == 'feetech':
        driver = FeetechDriver(FeetechParameters(port, args.baud, args.period, 0.04))
    else:
        driver = DynamixelDriver(DynamixelParameters(port, args.baud, args.period, 0.04))
    servo = emulated.servos[0]
    received: list[float] = []
    take = servo.write

    def write(address: int, data: bytes, now_s: float) -> int:
        received.append(now_s)
        return take(address, data, now_s)

    driver.open()
    try:
        driver.enable(True)
        servo.write = write  # type: ignore[method-assign]
        driver.command(stand_still(1.0), stand_still(1.0), time.monotonic_ns() + 10**12)
        time.sleep(args.seconds)
        arrived = list(received)
    finally:
        driver.close()
    errors = [abs(after - before - args.period) for before, after in pairwise(arrived)]
    scenario = f'{name}, driver at {1.0 / args.period:.0f} Hz'
    for metric, share in (('median', 0.5), ('p99', 0.99), ('maximum', 1.0)):
        yield Row(scenario, variant, f'interval error, {metric}', 1e3 * percentile(errors, share), 'ms')
    yield Row(scenario, variant, 'rate reached', (len(arrived) - 1) / (arrived[-1] - arrived[0]), 'Hz')
