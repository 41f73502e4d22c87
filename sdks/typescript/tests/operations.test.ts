import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { AIServiceError, AIServiceSDK, NotFoundError, VERSION } from '../src/index.js';
import { all, calls, client, key, rejection, reset, script, url } from './served.js';

function json(path: string) {
  return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
}

interface Operation {
  operationId: string;
  'x-sdk-ignore'?: boolean;
}

const document = json('../../openapi.json');
const sdk = client();

afterEach(reset);

describe('the document', () => {
  const operations = Object.values<Record<string, Operation>>(document.paths)
    .flatMap((methods) => Object.values(methods))
    .map((each) => [each.operationId, each['x-sdk-ignore'] ? 'undefined' : 'function']);

  it.each(operations)('%s is %s', (operationId = '', type = '') => {
    const name = operationId.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
    expect(typeof sdk[name as keyof AIServiceSDK]).toBe(type);
  });

  it('gives the package its version', () => {
    expect(VERSION).toBe(document.info.version);
    expect(json('../package.json').version).toBe(VERSION);
    expect(json('../package-lock.json').version).toBe(VERSION);
  });
});

describe('answers', () => {
  it('have the text, the tokens and the cost of a prompt', async () => {
    const answer = await sdk.generate('What is an atom?', { maxTokens: 50, cache: false });
    expect(answer.text).toBe('Echo: What is an atom?');
    expect(answer).toMatchObject({ model: 'haiku', provider: 'anthropic', finish_reason: 'stop' });
    expect(answer.usage.output_tokens).toBeGreaterThan(0);
    expect(answer.cost_usd).toBeGreaterThan(0);
    const [call] = await calls();
    expect(call?.body['max_tokens']).toBe(50);
  });

  it('take the model alone in place of the options', async () => {
    const messages = [{ role: 'user', content: 'Hello' }] as const;
    const { message, provider } = await sdk.chat([...messages], 'gpt');
    expect(message.content).toBe('Echo: Hello');
    expect(provider).toBe('openai');
  });

  it('have the tool calls of a chat', async () => {
    const name = 'look';
    await script('anthropic', { reply: { tool_calls: [{ name, arguments: '{"city":"Paris"}' }] } });
    const { message } = await sdk.chat([{ role: 'user', content: 'Weather?' }], {
      tools: [{ function: { name, parameters: { type: 'object' } } }],
      toolChoice: 'required',
      cache: false,
    });
    expect(message.tool_calls?.[0]?.function).toEqual({ name, arguments: '{"city":"Paris"}' });
  });

  it('have vectors, results and models', async () => {
    const { data } = await sdk.createEmbeddings(['one', 'two']);
    expect(data.map((each) => each.index)).toEqual([0, 1]);
    const { results } = await sdk.runBatch({ prompts: ['one', 'two'], maxConcurrency: 2 });
    expect(results.map((each) => each.response?.id)).toEqual([
      expect.any(String),
      expect.any(String),
    ]);
    const models = await sdk.listModels();
    expect(models.data.map((each) => each.id)).toContain('haiku');
  });

  it('tell what was used, in sums and one by one', async () => {
    const { id } = await sdk.generate('Count me', { metadata: { team: 'blue' }, cache: false });
    const { data, totals } = await sdk.getUsage({ groupBy: 'tag:team' });
    expect(data.map((each) => each.group)).toContain('blue');
    expect(totals.requests).toBeGreaterThan(0);
    expect(await sdk.getRequest(id)).toMatchObject({ id, status: 'completed' });
  });

  it('come with the response on demand', async () => {
    const { data, response } = await sdk
      .generate('Hi', { headers: { 'X-Request-ID': 'from-the-test' } })
      .withResponse();
    expect(data.text).toBe('Echo: Hi');
    expect(response.status).toBe(200);
    expect(response.headers.get('x-request-id')).toBe('from-the-test');
  });

  it('come raw where something else than JSON is wanted', async () => {
    const response = await sdk.request('GET', '/api/v1/usage', {
      query: { group_by: 'day' },
      headers: { Accept: 'text/csv' },
    });
    expect(response.headers.get('content-type')).toContain('text/csv');
    expect(await response.text()).toMatch(/^group,/);
    const posted = await sdk.request('POST', '/api/v1/generate', { body: { prompt: 'Raw' } });
    expect(await posted.json()).toMatchObject({ text: 'Echo: Raw' });
  });
});

describe('keys', () => {
  it('are made, looked at, changed, rotated and revoked', async () => {
    const made = await sdk.createKey('Billing', ['generate'], {
      limits: { requests_per_minute: 100 },
      rotateAfterDays: 30,
    });
    expect(made).toMatchObject({ name: 'Billing', limits: { requests_per_minute: 100 } });
    expect((await sdk.changeKey(made.id, { name: 'Invoices' })).name).toBe('Invoices');
    const rotated = await sdk.rotateKey(made.id, { overlapSeconds: 0 });
    expect(rotated.key).not.toBe(made.key);
    expect((await sdk.mintToken(made.id, { ttlSeconds: 60 })).parent_id).toBe(made.id);
    expect(await sdk.revokeKey(made.id)).toBeUndefined();
    expect((await sdk.getKey(made.id)).status).toBe('revoked');
    await rejection(sdk.getKey('key_none'), NotFoundError);
  });

  it('are listed over all pages, one page at a time', async () => {
    const tenant = 'pages';
    for (const name of ['a', 'b', 'c']) await sdk.createKey(name, ['generate'], { tenant });
    const listed = await all(sdk.listKeys({ tenant, limit: 2 }));
    expect(listed.map((each) => each.name)).toEqual(['c', 'b', 'a']);
    const pages = await all(sdk.listKeys({ tenant, limit: 2 }).pages());
    expect(pages.map((page) => page.data.length)).toEqual([2, 1]);
    const first = await sdk.listKeys({ tenant, limit: 1 });
    expect(first.data).toHaveLength(1);
    expect(first.next_cursor).toEqual(expect.any(String));
  });

  it('belong to tenants, which have bounds', async () => {
    const limits = { requests_per_minute: 1000 };
    expect(await sdk.putTenant('bounded', { limits })).toMatchObject({ id: 'bounded', limits });
    expect((await sdk.getTenant('bounded')).limits.requests_per_minute).toBe(1000);
  });

  it.each(['', '.', '..'])('with an id %j that leads elsewhere are not asked for', async (id) => {
    await expect(async () => sdk.getKey(id)).rejects.toThrow('is no id');
  });

  it('with an id that holds a path stay one segment', async () => {
    await rejection(sdk.getKey('../models'), NotFoundError);
    await rejection(sdk.getKey('a/b?c#d'), NotFoundError);
  });
});

describe('the client', () => {
  it('is made of a key and an address', async () => {
    const { status } = await new AIServiceSDK(key, `${url}/`).getHealth();
    expect(status).toBe('ok');
    expect((await sdk.getReadiness()).status).toBe('ready');
    expect(await sdk.getMetrics()).toContain('ai_service_');
  });

  it('needs a credential', () => {
    expect(() => new AIServiceSDK()).toThrow(AIServiceError);
  });
});
