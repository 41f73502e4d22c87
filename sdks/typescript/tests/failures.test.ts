import { afterEach, describe, expect, it } from 'vitest';
import {
  APIConnectionError,
  APIError,
  APITimeoutError,
  AuthenticationError,
  AuthorizationError,
  BudgetExceededError,
  ConflictError,
  NotFoundError,
  ProviderError,
  RateLimitError,
  ServerError,
  ServiceUnavailableError,
  ValidationError,
  type AIServiceSDK,
} from '../src/index.js';
import { Relay, answer, events, forward, hangUp, silence } from './relay.js';
import { calls, client, key, rejection, reset, script } from './served.js';

const sdk = client({ maxRetries: 0 });
const SOON = { 'retry-after-ms': '1' };

afterEach(reset);

/** A client with a key of its own. */
async function bounded(bounds: Parameters<AIServiceSDK['createKey']>[2]): Promise<AIServiceSDK> {
  const made = await sdk.createKey('bounded', ['generate'], bounds);
  return client({ apiKey: made.key, maxRetries: 0 });
}

describe('a refusal is an error of its own class', () => {
  it('400 names the field', async () => {
    const error = await rejection(sdk.generate('Hi', { temperature: 9 }), ValidationError);
    expect(error).toMatchObject({
      name: 'ValidationError',
      status: 400,
      type: 'validation_error',
      field: 'temperature',
    });
    expect(error.requestId).toBe(error.headers.get('x-request-id'));
    expect(error.message).not.toBe('');
  });

  it('401 for a wrong key', async () => {
    await rejection(client({ apiKey: 'sk-wrong' }).listModels(), AuthenticationError);
  });

  it('402 tells the budget', async () => {
    const poor = await bounded({ budget: { limit_usd: 0.000001, period: 'day' } });
    const error = await rejection(poor.generate('Too dear'), BudgetExceededError);
    expect(error.detail.budget).toMatchObject({ owner: 'key', period: 'day' });
    expect(error.detail.resets_at).toEqual(expect.any(String));
  });

  it('403 tells the scope', async () => {
    const { detail } = await rejection((await bounded({})).listKeys(), AuthorizationError);
    expect(detail.required_scope).toEqual(expect.any(String));
  });

  it('404 for what is not there', async () => {
    await rejection(sdk.getRequest('req_none'), NotFoundError);
  });

  it('409 for a key of another request, and no second try', async () => {
    await using relay = await Relay.start();
    const relayed = client({ baseURL: relay.url });
    await relayed.generate('One', { idempotencyKey: 'order-1' });
    await rejection(relayed.generate('Two', { idempotencyKey: 'order-1' }), ConflictError);
    expect(relay.requests).toHaveLength(2);
  });

  it('429 tells when to come back', async () => {
    const hasty = await bounded({ limits: { requests_per_minute: 1 } });
    await hasty.generate('One');
    const error = await rejection(hasty.generate('Two'), RateLimitError);
    expect(error.retryAfter).toBeGreaterThan(0);
  });

  it('502 if every provider answers badly', async () => {
    for (const vendor of ['anthropic', 'openai'] as const)
      await script(vendor, { status: { code: 401 } });
    await rejection(sdk.generate('Hi', { cache: false }), ProviderError);
  });

  it('503 if no provider can', async () => {
    const overloaded = Array(3).fill({ status: { code: 529 } });
    for (const vendor of ['anthropic', 'openai'] as const) await script(vendor, ...overloaded);
    await rejection(sdk.generate('Hi', { cache: false }), ServiceUnavailableError);
  });

  it('504 if the service’s own deadline is spent', async () => {
    await script('anthropic', { stall: { before_headers: true } });
    const error = await rejection(
      sdk.generate('Hi', { timeoutSeconds: 0.2, cache: false }),
      ServerError,
    );
    expect(error).toMatchObject({ status: 504, type: 'timeout' });
  });

  it.each([
    [405, 'APIError'],
    [413, 'APIError'],
    [500, 'ServerError'],
    [520, 'ServerError'],
    [302, 'APIError'],
  ])('%i of a proxy that knows no envelope is an %s', async (status, name) => {
    await using relay = await Relay.start(answer(status, { location: '/' }, '<html>'));
    const error = await rejection(
      client({ baseURL: relay.url, maxRetries: 0 }).listModels(),
      APIError,
    );
    expect(error).toMatchObject({ name, status, type: undefined, field: undefined });
    expect(relay.requests).toHaveLength(1);
  });
});

describe('a failure is tried again', () => {
  it.each([408, 429, 500, 502, 503, 504])('twice after %i', async (status) => {
    await using relay = await Relay.start(answer(status, SOON), answer(status, SOON));
    const { text } = await client({ baseURL: relay.url }).generate('Again');
    expect(text).toBe('Echo: Again');
    expect(relay.requests).toHaveLength(3);
  });

  it('no more often than that', async () => {
    await using relay = await Relay.start(...Array(4).fill(answer(503, SOON)));
    await rejection(client({ baseURL: relay.url }).generate('Again'), ServiceUnavailableError);
    expect(relay.requests).toHaveLength(3);
  });

  it('as often as a call or the client says', async () => {
    await using relay = await Relay.start(...Array(5).fill(answer(503, SOON)));
    const relayed = client({ baseURL: relay.url, maxRetries: 0 });
    await rejection(relayed.generate('Never'), ServiceUnavailableError);
    expect(relay.requests).toHaveLength(1);
    await rejection(relayed.generate('Thrice', { maxRetries: 3 }), ServiceUnavailableError);
    expect(relay.requests).toHaveLength(5);
  });

  it.each([400, 401, 402, 403, 404, 409, 413, 415])('not after %i', async (status) => {
    await using relay = await Relay.start(answer(status, SOON));
    await rejection(client({ baseURL: relay.url }).generate('Once'), APIError);
    expect(relay.requests).toHaveLength(1);
  });

  it('after a connection that broke, also in the middle of the answer', async () => {
    const half = (whole: Buffer) => [whole.subarray(0, 20), undefined];
    await using relay = await Relay.start(hangUp, forward(half));
    const { text } = await client({ baseURL: relay.url }).generate('Again');
    expect(text).toBe('Echo: Again');
    expect(relay.requests).toHaveLength(3);
  });

  it('with one idempotency key for all tries, and another for the next call', async () => {
    await using relay = await Relay.start(answer(500, SOON), hangUp);
    const relayed = client({ baseURL: relay.url });
    await relayed.generate('One');
    await relayed.generate('Two');
    const keys = relay.requests.map((each) => each.headers['idempotency-key']);
    expect(keys).toHaveLength(4);
    expect(new Set(keys.slice(0, 3)).size).toBe(1);
    expect(keys[3]).not.toBe(keys[0]);
    expect(keys[0]).toMatch(/^[!-~]{16,255}$/);
  });

  it('with the caller’s own idempotency key, and costs once', async () => {
    await using relay = await Relay.start(forward((whole) => [whole.subarray(0, 5), undefined]));
    const { data, response } = await client({ baseURL: relay.url })
      .generate('Once', { idempotencyKey: 'order-2', cache: false })
      .withResponse();
    expect(data.text).toBe('Echo: Once');
    expect(response.ok).toBe(true);
    expect(relay.requests.map((each) => each.headers['idempotency-key'])).toEqual([
      'order-2',
      'order-2',
    ]);
    expect(await calls('ended')).toHaveLength(1);
  });

  it('only if it was refused, where there is no idempotency key', async () => {
    await using refusing = await Relay.start(answer(503, SOON), answer(429, SOON));
    await client({ baseURL: refusing.url }).createKey('Refused', ['generate']);
    expect(refusing.requests).toHaveLength(3);
    expect(refusing.requests[0]?.headers['idempotency-key']).toBeUndefined();
    for (const fate of [answer(500, SOON), hangUp]) {
      await using relay = await Relay.start(fate);
      const made = client({ baseURL: relay.url }).createKey('Perhaps made', ['generate']);
      await made.then(
        () => expect.fail('was tried again'),
        () => undefined,
      );
      expect(relay.requests).toHaveLength(1);
    }
  });

  it.each([
    ['seconds', { 'retry-after': '0' }],
    ['a date', { 'retry-after': new Date(0).toUTCString() }],
    ['milliseconds', { 'retry-after-ms': '1', 'retry-after': '60' }],
  ])('after Retry-After in %s', async (_, headers) => {
    await using relay = await Relay.start(...Array(20).fill(answer(503, headers)));
    // Twenty waits of the SDK's own would take minutes.
    await client({ baseURL: relay.url, maxRetries: 20 }).generate('Again');
    expect(relay.requests).toHaveLength(21);
  });

  it.each([
    ['seconds', { 'retry-after': '61' }, 61],
    ['a date', { 'retry-after': new Date(Date.now() + 3_600_000).toUTCString() }, 3600],
    ['milliseconds', { 'retry-after-ms': '61500' }, 61.5],
  ])('not if the server asks for more than a minute, in %s', async (_, headers, seconds) => {
    await using relay = await Relay.start(answer(429, headers));
    const error = await rejection(client({ baseURL: relay.url }).generate('Later'), RateLimitError);
    expect(error.retryAfter).toBeGreaterThan(seconds - 10);
    expect(error.retryAfter).toBeLessThanOrEqual(seconds);
    expect(relay.requests).toHaveLength(1);
  });

  it('not while its caller has given up waiting', async () => {
    const controller = new AbortController();
    await using relay = await Relay.start((request, response) => {
      controller.abort(new RangeError('enough'));
      void answer(503, { 'retry-after': '30' })(request, response);
    });
    const call = client({ baseURL: relay.url }).generate('Hi', { signal: controller.signal });
    expect((await rejection(call, RangeError)).message).toBe('enough');
    expect(relay.requests).toHaveLength(1);
  });
});

describe('a call ends', () => {
  it('by its timeout, and the provider is told', async () => {
    await script('anthropic', { stall: { before_headers: true } });
    await rejection(
      sdk.generate('Stall', { timeout: 1000, maxRetries: 0, cache: false }),
      APITimeoutError,
    );
    expect(await calls('ended')).toMatchObject([{ client_left: true }]);
  });

  it('by the client’s timeout, also in the middle of the answer', async () => {
    const stuck = events('{"text":'); // and then nothing: see below
    await using relay = await Relay.start((request, response) => {
      response.end = () => response;
      return stuck(request, response);
    }, silence);
    const hasty = client({ baseURL: relay.url, timeout: 100, maxRetries: 1 });
    await rejection(hasty.generate('Stall'), APITimeoutError);
    expect(relay.requests).toHaveLength(2);
  });

  it('by its signal, and the provider is told', async () => {
    await script('anthropic', { stall: { before_headers: true } });
    const controller = new AbortController();
    const options = { signal: controller.signal, cache: false };
    const ended = rejection(sdk.generate('Stall', options), DOMException);
    await calls('arrived');
    controller.abort();
    expect((await ended).name).toBe('AbortError');
    expect(await calls('ended')).toMatchObject([{ client_left: true }]);
  });

  it('at once if nobody listens, with the reason', async () => {
    const unreachable = client({ baseURL: 'http://127.0.0.1:1', maxRetries: 0 });
    const error = await rejection(unreachable.listModels(), APIConnectionError);
    expect(error.cause).toBeInstanceOf(Error);
  });
});

describe('a token provider', () => {
  it('is asked once for many calls, and again when its token is refused', async () => {
    const tokens = ['sk-ais-expired', key];
    let asked = 0;
    const paged = client({ apiKey: undefined, token: () => tokens[asked++] ?? key });
    const answers = await Promise.all([1, 2, 3].map((n) => paged.generate(`Call ${n}`)));
    expect(answers.map((each) => each.text)).toEqual([1, 2, 3].map((n) => `Echo: Call ${n}`));
    expect(asked).toBe(2);
    await paged.streamGenerate('Stream').final();
    expect(asked).toBe(2);
  });

  it('is not asked again and again', async () => {
    await using relay = await Relay.start();
    let asked = 0;
    const refused = client({ baseURL: relay.url, token: async () => `sk-ais-wrong-${++asked}` });
    await rejection(refused.listModels(), AuthenticationError);
    expect(asked).toBe(2);
    expect(relay.requests.map((each) => each.headers['x-api-key'])).toEqual([
      'sk-ais-wrong-1',
      'sk-ais-wrong-2',
    ]);
  });

  it('may fail once', async () => {
    let asked = 0;
    const shaky = client({
      token: () => {
        if (asked++ === 0) throw new RangeError('no backend');
        return key;
      },
    });
    const error = await rejection(shaky.listModels(), Error);
    expect(error).toMatchObject({ name: 'AIServiceError', cause: new RangeError('no backend') });
    expect((await shaky.listModels()).data).not.toEqual([]);
  });

  it('that never answers does not outlive the timeout', async () => {
    const stuck = client({ token: () => new Promise<string>(() => undefined), maxRetries: 0 });
    await rejection(stuck.listModels({ timeout: 50 }), APITimeoutError);
  });
});

it('says which version it is, and sends the headers that it is given', async () => {
  await using relay = await Relay.start();
  const relayed = client({ baseURL: relay.url, headers: { 'X-Team': 'blue' } });
  await relayed.listModels({ headers: { 'X-Call': 'one' } });
  expect(relay.requests[0]?.headers).toMatchObject({
    'user-agent': expect.stringMatching(/^ai-service-sdk-typescript\/\d+\.\d+\.\d+$/),
    'x-team': 'blue',
    'x-call': 'one',
  });
});
