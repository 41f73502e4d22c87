/** Requests over `fetch`: credentials, time limits and retries. */

import { Deadline } from './deadline.js';
import {
  AIServiceError,
  APIConnectionError,
  APIError,
  APITimeoutError,
  AuthenticationError,
  errorOfResponse,
} from './errors.js';
import type { CallOptions, Prepared } from './options.js';

/** Gives a short-lived token; called when there is none yet, and when the service refuses the last one. */
export type TokenProvider = () => string | Promise<string>;

export interface TransportConfig {
  baseURL: string;
  credential: string | TokenProvider;
  maxRetries: number;
  timeout: number;
  fetch: typeof fetch;
  headers: Record<string, string>;
}

/** Worth another try; a 409 is final, as what it tells does not change by itself. */
const PASSING = new Set([408, 429, 500, 502, 503, 504]);
/** Nothing has been done for a request that was refused so; any may be sent again. */
const REFUSED = new Set([429, 503]);
const FIRST_DELAY_SECONDS = 0.5;
const MAX_DELAY_SECONDS = 8;
/** A server that asks for more is not waited for: the error tells when. */
const MAX_RETRY_AFTER_SECONDS = 60;

export class Transport {
  readonly #config: TransportConfig;
  #token: Promise<string> | undefined;

  constructor(config: TransportConfig) {
    this.#config = config;
  }

  /**
   * Send `request` until `read` has got from the answer what it wants, or the failure is final.
   *
   * `read` may return while the body is still coming: then it holds the deadline, and ends it.
   */
  async send<T>(
    request: Prepared,
    options: CallOptions,
    read: (response: Response, deadline: Deadline) => Promise<T>,
  ): Promise<T> {
    const { maxRetries = this.#config.maxRetries, timeout = this.#config.timeout } = options;
    let canRenewToken = typeof this.#config.credential === 'function';
    for (let attempt = 0; ; attempt++) {
      const deadline = new Deadline(timeout, options.signal);
      const token = this.#currentToken();
      let error: AIServiceError;
      try {
        return await read(await this.#fetch(request, token, deadline), deadline);
      } catch (cause) {
        deadline.abort();
        error = errorOf(cause, deadline, options.signal);
      }
      if (error instanceof AuthenticationError && canRenewToken) {
        canRenewToken = false;
        if (this.#token === token) this.#token = undefined;
        attempt--;
        continue;
      }
      const seconds = attempt < maxRetries ? secondsToRetry(error, request, attempt) : undefined;
      if (seconds === undefined) throw error;
      await sleep(seconds * 1000, options.signal);
    }
  }

  async #fetch(request: Prepared, token: Promise<string>, deadline: Deadline): Promise<Response> {
    const { baseURL, fetch, headers } = this.#config;
    const sent = new Headers(headers);
    request.headers.forEach((value, name) => sent.set(name, value));
    sent.set('X-API-Key', await unlessAborted(token, deadline.signal));
    const response = await fetch(baseURL + request.path, {
      method: request.method,
      headers: sent,
      body: request.body ?? null,
      signal: deadline.signal,
      redirect: 'manual', // the key would go along
    });
    if (!response.ok) throw await errorOfResponse(response);
    return response;
  }

  #currentToken(): Promise<string> {
    const { credential } = this.#config;
    if (typeof credential === 'string') return Promise.resolve(credential);
    if (this.#token === undefined) {
      const token = Promise.resolve()
        .then(credential)
        .catch((cause: unknown) => {
          if (this.#token === token) this.#token = undefined;
          throw new AIServiceError('The token provider failed', { cause });
        });
      this.#token = token;
    }
    return this.#token;
  }
}

/** What a failed attempt means to the caller. Throws the reason of a caller who has aborted. */
export function errorOf(
  cause: unknown,
  deadline: Deadline,
  signal: AbortSignal | undefined,
): AIServiceError {
  signal?.throwIfAborted();
  if (deadline.hasPassed)
    return new APITimeoutError('The service did not answer in time', { cause });
  if (cause instanceof AIServiceError) return cause;
  return new APIConnectionError('The connection to the service failed', { cause });
}

/** Seconds to wait before the next attempt; undefined if there is no use or no safety in it. */
function secondsToRetry(
  error: AIServiceError,
  { method, headers }: Prepared,
  attempt: number,
): number | undefined {
  const isSafe = !/^(POST|PATCH)$/.test(method) || headers.has('Idempotency-Key');
  if (error instanceof APIError) {
    if (!(isSafe ? PASSING : REFUSED).has(error.status)) return undefined;
    const { retryAfter } = error;
    if (retryAfter !== undefined) {
      return retryAfter <= MAX_RETRY_AFTER_SECONDS ? retryAfter : undefined;
    }
  } else if (!isSafe || !(error instanceof APIConnectionError)) {
    return undefined;
  }
  const delay = Math.min(FIRST_DELAY_SECONDS * 2 ** attempt, MAX_DELAY_SECONDS);
  return delay * (1 - Math.random() / 4);
}

async function sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const slept = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  try {
    await (signal ? unlessAborted(slept, signal) : slept);
  } finally {
    clearTimeout(timer);
  }
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort);
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
