// SPDX-License-Identifier: Apache-2.0
/** A rosbridge server that only does what a test asks for. */

import type { AddressInfo } from 'node:net';

import { WebSocketServer, type WebSocket } from 'ws';

export interface Op {
  op: string;
  id: string;
  [member: string]: unknown;
}

export class FakeBridge {
  /** Everything that clients sent. */
  readonly received: Op[] = [];
  connections = 0;
  /** What the server does with an operation; nothing by default. */
  onOp: (op: Op, reply: (answer: object) => void) => void = () => undefined;
  private readonly server: WebSocketServer;

  private constructor(port: number) {
    this.server = new WebSocketServer({ host: '127.0.0.1', port });
    this.server.on('connection', (socket: WebSocket) => {
      this.connections += 1;
      socket.on('message', (data) => {
        const op = JSON.parse(String(data)) as Op;
        this.received.push(op);
        this.onOp(op, (answer) => socket.send(JSON.stringify(answer)));
      });
    });
  }

  static async start(port = 0): Promise<FakeBridge> {
    const bridge = new FakeBridge(port);
    await new Promise((resolve) => { bridge.server.once('listening', resolve); });
    return bridge;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  ops(name: string): Op[] {
    return this.received.filter(({ op }) => op === name);
  }

  publish(topic: string, msg: object): void {
    for (const socket of this.server.clients) socket.send(JSON.stringify({ op: 'publish', topic, msg }));
  }

  /** Drop every connection and listen no more, as a server that is killed does. */
  async stop(): Promise<void> {
    for (const socket of this.server.clients) socket.terminate();
    await new Promise((resolve) => { this.server.close(resolve); });
  }
}
