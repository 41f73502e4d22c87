/** A proxy in front of the service that does to requests and answers what networks do to them. */

import {
  createServer,
  type IncomingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { url } from './served.js';

export interface SeenRequest {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** What happens to one request. */
export type Fate = (request: SeenRequest, response: ServerResponse) => Promise<void> | void;

/** An answer that is not the service's. */
export function answer(status: number, headers = {}, body: unknown = ''): Fate {
  return (_, response) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const type = typeof body === 'string' ? 'text/html' : 'application/json';
    response.writeHead(status, { 'content-type': type, ...headers }).end(text);
  };
}

/** The connection ends before there is an answer. */
export const hangUp: Fate = (_, response) => void response.destroy();

/** Nothing at all. */
export const silence: Fate = () => undefined;

/** Events of the test's own, `undefined` for a connection that breaks there. */
export function events(...pieces: (string | Uint8Array | undefined)[]): Fate {
  return async (_, response) => {
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'x-request-id': 'of-the-relay',
    });
    response.flushHeaders();
    await send(response, pieces);
  };
}

/** The service's own answer, in the pieces that `cut` makes of its bytes. */
export function forward(
  cut: (whole: Buffer) => (Uint8Array | undefined)[] = (whole) => [whole],
): Fate {
  return async ({ method, path, headers, body }, response) => {
    const { host: _host, connection: _connection, 'content-length': _length, ...rest } = headers;
    const upstream = await fetch(url + path, {
      method,
      headers: rest as Record<string, string>,
      body: method === 'GET' ? null : body,
    });
    response.writeHead(upstream.status, {
      'content-type': upstream.headers.get('content-type') ?? 'text/plain',
      'x-request-id': upstream.headers.get('x-request-id') ?? '',
    });
    await send(response, cut(Buffer.from(await upstream.arrayBuffer())));
  };
}

/** Each piece is a chunk of its own on the wire. */
async function send(
  response: ServerResponse,
  pieces: (string | Uint8Array | undefined)[],
): Promise<void> {
  for (const piece of pieces) {
    if (piece === undefined) {
      response.destroy();
      return;
    }
    await new Promise((resolve) => response.write(piece, resolve));
    await setImmediate();
  }
  response.end();
}

export class Relay {
  /** What came, in order. */
  readonly requests: SeenRequest[] = [];
  readonly #fates: Fate[];
  readonly #server: Server;

  private constructor(fates: Fate[]) {
    this.#fates = fates;
    this.#server = createServer((request, response) => {
      void (async () => {
        const chunks: Buffer[] = [];
        for await (const chunk of request) chunks.push(chunk as Buffer);
        const { method = '', url: path = '', headers } = request;
        const seen = { method, path, headers, body: Buffer.concat(chunks).toString() };
        this.requests.push(seen);
        await (this.#fates.shift() ?? forward())(seen, response);
      })();
    });
  }

  /** One that lets requests meet these fates, in order; later ones reach the service. */
  static async start(...fates: Fate[]): Promise<Relay> {
    const relay = new Relay(fates);
    await new Promise<void>((resolve) => relay.#server.listen(0, '127.0.0.1', resolve));
    return relay;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
