/** The client, and what it is made with. */

import { Call, PagedCall, type Page, type WithResponse } from './call.js';
import { AIServiceError } from './errors.js';
import { Operations, VERSION } from './generated/operations.gen.js';
import {
  prepare,
  type CallOptions,
  type IdempotentCallOptions,
  type Operation,
} from './options.js';
import { Stream, openStream, type FinalShape } from './stream.js';
import { Transport, type TokenProvider } from './transport.js';

/** How an `AIServiceSDK` is made. */
export interface ClientOptions {
  /** A key, for programs on machines of your own (the environment's `AI_SERVICE_API_KEY`). */
  apiKey?: string | undefined;
  /** Gives short-lived tokens, for web pages; called again when one has expired. */
  token?: TokenProvider | undefined;
  /** Where the service is, without `/api/v1` (`AI_SERVICE_BASE_URL`, or http://127.0.0.1:8000). */
  baseURL?: string | undefined;
  /** How often a failed attempt is repeated (2). */
  maxRetries?: number | undefined;
  /** Milliseconds that each attempt may take (60,000); for a stream, how long it may be silent. */
  timeout?: number | undefined;
  /** Sent with every request. */
  headers?: Record<string, string> | undefined;
  /** Instead of the global one. */
  fetch?: typeof fetch | undefined;
  /** Lets a browser have a key, which everybody who opens the page can then read. */
  dangerouslyAllowBrowser?: boolean | undefined;
}

/** What `request` takes besides the options of every call. */
export interface RequestOptions extends IdempotentCallOptions {
  /** JSON. */
  body?: Record<string, unknown> | undefined;
  query?: Record<string, unknown> | undefined;
}

/**
 * A client of the service, with a method for each of its operations.
 *
 *     const sdk = new AIServiceSDK(process.env.AI_SERVICE_API_KEY, 'https://ai.example.com');
 *     const { text } = await sdk.generate('Explain quantum computing', { maxTokens: 200 });
 */
export class AIServiceSDK extends Operations {
  readonly #transport: Transport;

  /** Throws `AIServiceError` without a credential, or for a key in a browser. */
  constructor(credential?: string | TokenProvider | ClientOptions, baseURL?: string) {
    super();
    const options: ClientOptions =
      typeof credential === 'object'
        ? credential
        : typeof credential === 'function'
          ? { token: credential }
          : { apiKey: credential };
    const apiKey = options.apiKey ?? environment('AI_SERVICE_API_KEY');
    const source = options.token ?? apiKey;
    if (!source) throw new AIServiceError('Pass an API key or a token provider');
    if (typeof source === 'string' && isBrowser() && !options.dangerouslyAllowBrowser) {
      throw new AIServiceError(
        'A key in a web page is everybody’s. Pass a function that fetches a short-lived token from your' +
          ' backend, or set dangerouslyAllowBrowser if you know what you do.',
      );
    }
    const base = baseURL ?? options.baseURL ?? environment('AI_SERVICE_BASE_URL');
    this.#transport = new Transport({
      baseURL: (base ?? 'http://127.0.0.1:8000').replace(/\/+$/, ''),
      credential: source,
      maxRetries: options.maxRetries ?? 2,
      timeout: options.timeout ?? 60_000,
      fetch: options.fetch ?? ((...request) => fetch(...request)),
      headers: {
        // A browser would have to ask the service for leave to send it.
        ...(isBrowser() ? {} : { 'User-Agent': `ai-service-sdk-typescript/${VERSION}` }),
        ...options.headers,
      },
    });
  }

  /**
   * Any request, with credentials, retries and typed errors; the response is as it comes, unread.
   *
   * `path` is the whole one: `sdk.request('GET', '/api/v1/usage', { headers: { Accept: 'text/csv' } })`.
   */
  async request(
    method: string,
    path: string,
    { body, query, ...options }: RequestOptions = {},
  ): Promise<Response> {
    const operation: Operation = { method, path };
    if (body) operation.body = body;
    if (query) operation.query = query;
    if (options.idempotencyKey) operation.isIdempotent = true;
    return this.#transport.send(
      prepare(operation, options),
      options,
      async (response, deadline) => {
        deadline.stop();
        return response;
      },
    );
  }

  protected call<T>(operation: Operation, options: string | CallOptions): Call<T> {
    return new Call<T>(this.#answer<T>(operation, withModel(options)));
  }

  protected pages<P extends Page<unknown>>(
    operation: Operation,
    options: CallOptions,
  ): PagedCall<P> {
    return new PagedCall<P>(this.#answer<P>(operation, options), (cursor) =>
      this.call<P>(operation, { ...options, [operation.next ?? 'cursor']: cursor } as CallOptions),
    );
  }

  protected stream<Chunk, Final>(
    operation: Operation,
    options: string | CallOptions,
    shape: FinalShape,
  ): Stream<Chunk, Final> {
    const given = withModel(options);
    const open = async () => this.#transport.send(prepare(operation, given), given, openStream);
    return new Stream<Chunk, Final>(open, given.signal, shape);
  }

  async #answer<T>(operation: Operation, options: CallOptions): Promise<WithResponse<T>> {
    return this.#transport.send(
      prepare(operation, options),
      options,
      async (response, deadline) => {
        const data = (await dataOf(response, operation)) as T;
        deadline.release();
        return { data, response };
      },
    );
  }
}

function withModel(options: string | CallOptions): CallOptions {
  return typeof options === 'string' ? ({ model: options } as CallOptions) : options;
}

async function dataOf(response: Response, { next }: Operation): Promise<unknown> {
  if (response.status === 204) return undefined;
  if (next !== undefined) {
    const lines = (await response.text()).split('\n').filter((line) => line !== '');
    const data = lines.map((line) => JSON.parse(line) as unknown);
    return { data, next_cursor: response.headers.get(`X-Next-${next}`) };
  }
  const isJSON = /^application\/json\b/.test(response.headers.get('content-type') ?? '');
  return isJSON ? response.json() : response.text();
}

function environment(name: string): string | undefined {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  return process?.env?.[name];
}

/** Pages and their workers; the workers of servers have neither. */
function isBrowser(): boolean {
  const { document, importScripts } = globalThis as { document?: unknown; importScripts?: unknown };
  return document !== undefined || importScripts !== undefined;
}
