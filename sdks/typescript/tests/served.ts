/** The service and the simulator behind it, as tests hold them. */

import { inject } from 'vitest';
import { AIServiceSDK, type ClientOptions } from '../src/index.js';

export const { url, key, control } = inject('served');

/** A client with an operator's key. */
export function client(options: ClientOptions = {}): AIServiceSDK {
  return new AIServiceSDK({ apiKey: key, baseURL: url, ...options });
}

export interface UpstreamCall {
  server: 'anthropic' | 'openai';
  body: Record<string, unknown>;
  /** Whether its answer was sent to its end. */
  finished: boolean;
  /** Whether the service hung up before that. */
  client_left: boolean;
}

/** What a vendor does with its next calls, one by one. */
export async function script(on: 'anthropic' | 'openai', ...behaviours: object[]): Promise<void> {
  const body = JSON.stringify(behaviours);
  const answer = await fetch(`${control}/script?on=${on}`, { method: 'POST', body });
  if (!answer.ok) throw new Error(await answer.text());
}

/** The calls that have reached the vendors: now, as soon as there is one, or as soon as none is in flight. */
export async function calls(until?: 'arrived' | 'ended'): Promise<UpstreamCall[]> {
  const answer = await fetch(`${control}/calls${until ? `?until=${until}` : ''}`);
  return (await answer.json()) as UpstreamCall[];
}

/** Forget scripts and calls. */
export async function reset(): Promise<void> {
  await fetch(`${control}/calls`, { method: 'DELETE' });
}

/** What a promise is rejected with. */
export async function rejection<E extends Error>(
  promise: PromiseLike<unknown>,
  kind: abstract new (...args: never[]) => E,
): Promise<E> {
  const error: unknown = await Promise.resolve(promise).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof kind)) throw new Error(`expected ${kind.name}`, { cause: error });
  return error;
}

/** All that something gives. */
export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
