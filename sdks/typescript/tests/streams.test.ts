import { afterEach, describe, expect, it } from 'vitest';
import {
  AIServiceError,
  APITimeoutError,
  ServiceUnavailableError,
  StreamInterruptedError,
  ValidationError,
} from '../src/index.js';
import { Relay, answer, events, forward, hangUp, silence } from './relay.js';
import { all, calls, client, rejection, reset, script } from './served.js';

const sdk = client();
const TEXT = 'naïve \u2028 日本語 🦆 \u0085 end';
const ENDLESS = { words: { count: 100_000, interval_seconds: 0.01 } };
const DONE =
  'data: {"type":"done","id":"req_1","model":"haiku","provider":"p","provider_model":"m",' +
  '"finish_reason":"stop","usage":{},"cost_usd":0,"cache_hit":false}\n\n';

function token(content: string): string {
  return `data: ${JSON.stringify({ type: 'token', content })}\n\n`;
}

afterEach(reset);

describe('a stream', () => {
  it('gives the text in pieces, then tokens and cost', async () => {
    await script('anthropic', { reply: { text: 'Drop by drop' } });
    const chunks = await all(sdk.streamGenerate('Rain?', { cache: false }));
    const pieces = chunks.map((chunk) => (chunk.type === 'token' ? chunk.content : ''));
    expect(pieces.join('')).toBe('Drop by drop');
    expect(pieces.length).toBeGreaterThan(3);
    const last = chunks.at(-1);
    expect(last?.type === 'done' && last.cost_usd).toBeGreaterThan(0);
  });

  it('has the whole answer in the end, as the plain call would have given it', async () => {
    const stream = sdk.streamGenerate('Whole?', { model: 'haiku', cache: false });
    const streamed = await stream.final();
    const plain = await sdk.generate('Whole?', { cache: false });
    expect(streamed).toEqual({ ...plain, id: streamed.id });
    expect(await stream.final()).toEqual(streamed);
  });

  it('of a chat has the whole answer in the end, too', async () => {
    const messages = [{ role: 'user' as const, content: 'Whole?' }];
    const streamed = await sdk.streamChat(messages, { cache: false }).final();
    const plain = await sdk.chat(messages, { cache: false });
    expect(streamed).toEqual({ ...plain, id: streamed.id });
  });

  it('has the whole answer after its loop, too', async () => {
    const stream = sdk.streamGenerate('Loop');
    let text = '';
    for await (const chunk of stream) if (chunk.type === 'token') text += chunk.content;
    expect((await stream.final()).text).toBe(text);
  });

  it('puts tool calls and provider data together', async () => {
    const tool_calls = [
      { name: 'look', arguments: '{"city":"Paris","days":[1,2,3]}' },
      { name: 'tell', arguments: '{}' },
    ];
    const options = {
      model: 'anthropic/claude-haiku-5-5',
      tools: tool_calls.map(({ name }) => ({ function: { name, parameters: { type: 'object' } } })),
      reasoningEffort: 'low',
      cache: false,
    } as const;
    const reply = { reply: { tool_calls, thinking: 'Hm.' } };
    await script('anthropic', reply, reply);
    const messages = [{ role: 'user' as const, content: 'Weather?' }];
    const streamed = await sdk.streamChat(messages, options).final();
    const plain = await sdk.chat(messages, options);
    expect(streamed.finish_reason).toBe('tool_calls');
    expect(streamed.message.tool_calls?.map((each) => each.function)).toEqual(tool_calls);
    expect(streamed.message.provider_data).toEqual(plain.message.provider_data);
    expect(streamed.message.content).toBe(plain.message.content);
  });

  it('can be read once', async () => {
    const stream = sdk.streamGenerate('Once');
    await all(stream);
    await rejection(all(stream), AIServiceError);
  });

  it('tells the headers of its response', async () => {
    const stream = sdk.streamGenerate('Head', { headers: { 'X-Request-ID': 'of-a-stream' } });
    expect((await stream.response()).headers.get('x-request-id')).toBe('of-a-stream');
    expect((await stream.final()).text).toBe('Echo: Head');
  });

  it('sends nothing before it is read', async () => {
    await using relay = await Relay.start();
    client({ baseURL: relay.url }).streamGenerate('Never');
    const read = client({ baseURL: relay.url }).streamGenerate('Read');
    await read.final();
    expect(relay.requests.map((request) => JSON.parse(request.body).prompt)).toEqual(['Read']);
  });
});

describe('who leaves a stream stops the model', () => {
  it('by break', async () => {
    await script('anthropic', ENDLESS);
    for await (const chunk of sdk.streamGenerate('Go on', { cache: false })) {
      if (chunk.type === 'token') break;
    }
    expect(await calls('ended')).toMatchObject([{ finished: false, client_left: true }]);
  });

  it('by an exception in the loop', async () => {
    await script('anthropic', ENDLESS);
    const loop = async () => {
      for await (const _ of sdk.streamGenerate('Go on', { cache: false })) throw new RangeError();
    };
    await rejection(loop(), RangeError);
    expect(await calls('ended')).toMatchObject([{ finished: false, client_left: true }]);
  });

  it('by its signal, and gets the reason of the signal', async () => {
    await script('anthropic', ENDLESS);
    const controller = new AbortController();
    const loop = async () => {
      const options = { signal: controller.signal, cache: false };
      for await (const _ of sdk.streamGenerate('Go on', options)) {
        controller.abort(new RangeError('enough'));
      }
    };
    expect((await rejection(loop(), RangeError)).message).toBe('enough');
    expect(await calls('ended')).toMatchObject([{ finished: false, client_left: true }]);
  });

  it('and has no whole answer', async () => {
    await script('anthropic', ENDLESS);
    const stream = sdk.streamGenerate('Go on', { cache: false });
    for await (const _ of stream) break;
    await rejection(stream.final(), AIServiceError);
  });

  it('while the model has not said anything yet', async () => {
    await script('anthropic', { stall: { before_headers: true } });
    const controller = new AbortController();
    const ended = rejection(
      sdk.streamGenerate('Silence', { signal: controller.signal, cache: false }).final(),
      DOMException,
    );
    await calls('arrived');
    controller.abort();
    expect((await ended).name).toBe('AbortError');
    expect(await calls('ended')).toMatchObject([{ client_left: true }]);
  });

  it('and with a signal that was aborted before, sends nothing', async () => {
    const stream = sdk.streamGenerate('Nothing', { signal: AbortSignal.abort() });
    await rejection(stream.final(), DOMException);
    expect(await calls()).toEqual([]);
  });
});

describe('bytes', () => {
  const crlf = (whole: Buffer) => Buffer.from(whole.toString().replaceAll('\n', '\r\n'));
  const cr = (whole: Buffer) => Buffer.from(whole.toString().replaceAll('\n', '\r') + ':\r');
  const bytewise = (whole: Buffer) => Array.from(whole, (byte) => Uint8Array.of(byte));
  const raw = (whole: Buffer) =>
    Buffer.from(whole.toString().replaceAll('\\u2028', '\u2028').replaceAll('\\u0085', '\u0085'));

  it.each([
    ['as they come', (whole: Buffer) => [whole]],
    ['one by one', bytewise],
    ['with CRLF', (whole: Buffer) => [crlf(whole)]],
    ['with CRLF, one by one', (whole: Buffer) => bytewise(crlf(whole))],
    ['with CR', (whole: Buffer) => [cr(whole)]],
    ['with raw line separators, one by one', (whole: Buffer) => bytewise(raw(whole))],
    ['with comments', (whole: Buffer) => [Buffer.from(': heartbeat\n\n'), whole]],
    [
      'with a comment in each gap',
      (whole: Buffer) => [
        Buffer.from(whole.toString().replaceAll('\n\n', '\n:x\n\n: heartbeat\n\n')),
      ],
    ],
  ])('%s give the same text', async (_, cut) => {
    await script('anthropic', { reply: { text: TEXT } });
    await using relay = await Relay.start(forward(cut));
    const stream = client({ baseURL: relay.url }).streamGenerate('Text', { cache: false });
    const answered = await stream.final();
    expect(answered.text).toBe(TEXT);
    expect(answered.finish_reason).toBe('stop');
    expect(relay.requests).toHaveLength(1);
  });

  it('cut at any place give the same text', async () => {
    await script('anthropic', { reply: { text: 'é🦆' } });
    const whole = await (
      await sdk.request('POST', '/api/v1/generate/stream', { body: { prompt: 'x', cache: false } })
    ).arrayBuffer();
    const bytes = new Uint8Array(whole);
    const cuts = Array.from(bytes.keys());
    await using relay = await Relay.start(
      ...cuts.map((at) => events(bytes.slice(0, at + 1), bytes.slice(at + 1), '')),
    );
    const cutting = client({ baseURL: relay.url });
    for (const _ of cuts) expect((await cutting.streamGenerate('x').final()).text).toBe('é🦆');
  });

  it('of an event in several lines belong together, however they come', async () => {
    const [head = '', tail = ''] = token(TEXT).split('"content":');
    const event = `event: x\nid: 1\n${head}\ndata:"content":${tail}${DONE}`;
    await using relay = await Relay.start(
      events(...bytewise(Buffer.from(event))),
      events(...bytewise(crlf(Buffer.from(event)))),
      events(...bytewise(cr(Buffer.from(event)))),
    );
    const relayed = client({ baseURL: relay.url });
    for (let read = 0; read < 3; read++) {
      expect((await relayed.streamGenerate('Lines').final()).text).toBe(TEXT);
    }
    expect(relay.requests).toHaveLength(3);
  });
});

describe('a stream that ends badly', () => {
  it('without its terminal event throws', async () => {
    await using relay = await Relay.start(events(token('Hal')));
    const stream = client({ baseURL: relay.url }).streamGenerate('Half');
    await rejection(all(stream), StreamInterruptedError);
    await rejection(stream.final(), AIServiceError);
    expect(relay.requests).toHaveLength(1);
  });

  it('by a broken connection throws', async () => {
    await using relay = await Relay.start(events(token('Hal'), undefined));
    const error = await rejection(
      client({ baseURL: relay.url }).streamGenerate('Half').final(),
      StreamInterruptedError,
    );
    expect(error.cause).toBeInstanceOf(Error);
    expect(relay.requests).toHaveLength(1);
  });

  it('in the middle of an event throws', async () => {
    await using relay = await Relay.start(events(token('Hal'), DONE.slice(0, -1)));
    await rejection(
      client({ baseURL: relay.url }).streamGenerate('Half').final(),
      StreamInterruptedError,
    );
  });

  it('with bytes that are no JSON throws', async () => {
    await using relay = await Relay.start(events(token('Hal'), 'data: {"type":\n\n'));
    await rejection(
      client({ baseURL: relay.url }).streamGenerate('Half').final(),
      StreamInterruptedError,
    );
  });

  it('with an error event throws the error of its type, after the text that came before', async () => {
    await script('anthropic', {
      in_band_error: { after_words: 2, reply: { behaviour: 'words', count: 9 } },
    });
    const pieces: string[] = [];
    const loop = async () => {
      for await (const chunk of sdk.streamGenerate('Break', { cache: false })) {
        if (chunk.type === 'token') pieces.push(chunk.content);
      }
    };
    const error = await rejection(loop(), ServiceUnavailableError);
    expect(pieces.join('')).toBe('w0 w1');
    expect(error).toMatchObject({ status: 503, type: 'service_unavailable' });
    expect(error.requestId).toEqual(expect.any(String));
  });

  it('by silence throws, after as long as the caller says', async () => {
    await script('anthropic', {
      stall: { after_words: 2, reply: { behaviour: 'words', count: 9 } },
    });
    const stream = sdk.streamGenerate('Stall', { timeout: 1000, maxRetries: 0, cache: false });
    await rejection(all(stream), APITimeoutError);
    expect(await calls('ended')).toMatchObject([{ client_left: true }]);
  });

  it('by its own reader’s slowness does not', async () => {
    await using relay = await Relay.start(events(token('a'), token('b'), DONE));
    await using stuck = await Relay.start(silence, silence, silence);
    const slow = client({ baseURL: stuck.url, timeout: 400, maxRetries: 0 });
    const pieces: string[] = [];
    const options = { timeout: 200, maxRetries: 0 };
    for await (const chunk of client({ baseURL: relay.url }).streamGenerate('Slow', options)) {
      pieces.push(chunk.type);
      await rejection(slow.listModels(), APITimeoutError); // which takes as long as two timeouts
    }
    expect(pieces).toEqual(['token', 'token', 'done']);
  });
});

describe('a stream is tried again', () => {
  const SOON = { 'retry-after-ms': '1' };
  const FIRST = events(token('The first')); // not to be seen: the second try has the answer

  it('as long as nothing of it has come, with the same key', async () => {
    await using relay = await Relay.start(answer(503, SOON), answer(500, SOON));
    const answered = await client({ baseURL: relay.url }).streamGenerate('Again').final();
    expect(answered.text).toBe('Echo: Again');
    const keys = new Set(relay.requests.map((each) => each.headers['idempotency-key']));
    expect(relay.requests).toHaveLength(3);
    expect(keys.size).toBe(1);
  });

  it.each([
    ['that hangs up', hangUp],
    ['that ends before its first event', events(': heartbeat\n\n')],
    ['that breaks before its first event', events(': heartbeat\n\n', undefined)],
  ])('after one %s', async (_, fate) => {
    await using relay = await Relay.start(fate);
    const answered = await client({ baseURL: relay.url }).streamGenerate('Again').final();
    expect(answered.text).toBe('Echo: Again');
    expect(relay.requests).toHaveLength(2);
  });

  it('never after its first event', async () => {
    await using relay = await Relay.start(FIRST, forward());
    await rejection(
      client({ baseURL: relay.url }).streamGenerate('Again').final(),
      StreamInterruptedError,
    );
    expect(relay.requests).toHaveLength(1);
  });

  it('never when the request is to blame', async () => {
    await using relay = await Relay.start();
    const stream = client({ baseURL: relay.url }).streamGenerate('x', { maxTokens: 0 });
    expect((await rejection(stream.final(), ValidationError)).field).toBe('max_tokens');
    expect(relay.requests).toHaveLength(1);
  });
});
