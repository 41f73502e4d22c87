/** What the service keeps, and what it makes of it: every operation that the other files do not call. */

import { openAsBlob, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { AIServiceSDK, NotFoundError } from '../src/index.js';
import { all, calls, client, rejection, reset, script } from './served.js';

const sdk = client();
const ENDLESS = { words: { count: 100_000, interval_seconds: 0.01 } };
const QUESTION = 'How long do refunds take?';
const variables = { name: 'Ada' };

afterEach(reset);

/** What `ask` gives, as soon as it is no longer under way. */
async function ended<T extends { status: string }>(ask: () => PromiseLike<T>): Promise<T> {
  for (;;) {
    const found = await ask();
    if (!['queued', 'running', 'processing', 'paused'].includes(found.status)) return found;
    await setTimeout(20);
  }
}

/** Leave a stream after its first token. */
async function leave(stream: AsyncIterable<{ type: string }>): Promise<void> {
  for await (const chunk of stream) if (chunk.type === 'token') break;
}

async function modelIsStopped(): Promise<boolean> {
  return (await calls('ended')).at(-1)?.client_left ?? false;
}

it('is called whole by these tests', () => {
  const folder = new URL('.', import.meta.url);
  const tests = readdirSync(folder).filter((name) => name.endsWith('.test.ts'));
  const code = tests.map((name) => readFileSync(new URL(name, folder), 'utf8')).join('');
  const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(AIServiceSDK.prototype));
  const names = methods.filter((name) => name !== 'constructor');
  expect(names.length).toBeGreaterThan(50);
  expect(names.filter((name) => !code.includes(`.${name}(`))).toEqual([]);
});

it('remembers conversations, forks and exports them', async () => {
  const { id } = await sdk.createConversation({ system: 'Be brief.', metadata: { of: 'Ada' } });
  const question = [{ role: 'user' as const, content: 'I am Ada.' }];
  await sdk.chat(question, { conversationId: id });
  await sdk.streamChat(question, { conversationId: id }).final();
  const messages = await all(sdk.listConversationMessages(id, { limit: 3 }));
  expect(messages.map((each) => each.role)).toEqual(['user', 'assistant', 'user', 'assistant']);
  const fork = await sdk.forkConversation(id, { atMessageId: messages[1]?.id ?? '' });
  const exported = await sdk.exportConversation(fork.id);
  expect(exported.messages.map((each) => each.content)).toEqual(['I am Ada.', 'Echo: I am Ada.']);
  expect((await sdk.getConversation(id)).usage.total_tokens).toBeGreaterThan(0);
  const listed = await all(sdk.listConversations({ limit: 1 }));
  expect(listed.map((each) => each.id)).toEqual(expect.arrayContaining([id, fork.id]));
  await sdk.deleteConversation(id);
  await rejection(sdk.getConversation(id), NotFoundError);
});

describe('prompts', () => {
  it('have versions and labels', async () => {
    await sdk.putPrompt('versioned', 'Greet {name}.');
    expect((await sdk.putPrompt('versioned', 'Greet {name}!')).version).toBe(2);
    expect((await sdk.putPromptLabel('versioned', 'live', 1)).labels).toEqual({ live: 1 });
    const { messages } = await sdk.renderPrompt('versioned', { variables, label: 'live' });
    expect(messages.map((each) => each.content)).toEqual(['Greet Ada.']);
    const versions = await all(sdk.listPromptVersions('versioned', { limit: 1 }));
    expect(versions.map((each) => each.version)).toEqual([2, 1]);
    expect((await all(sdk.listPrompts())).map((each) => each.name)).toContain('versioned');
    await sdk.deletePromptLabel('versioned', 'live');
    expect((await sdk.getPrompt('versioned')).labels).toEqual({});
    await sdk.deletePrompt('versioned');
    await rejection(sdk.getPrompt('versioned'), NotFoundError);
  });

  it('are asked with, plain and streamed', async () => {
    await sdk.putPrompt('asked', 'Greet {name}.');
    const options = { variables, cache: false };
    const generated = await sdk.generateWithPrompt('asked', options);
    expect(generated.text).toBe('Echo: Greet Ada.');
    const streamed = await sdk.streamGenerateWithPrompt('asked', options).final();
    expect(streamed).toEqual({ ...generated, id: streamed.id });
    const chatted = await sdk.chatWithPrompt('asked', options);
    expect(chatted.message.content).toBe('Echo: Greet Ada.');
    const stream = sdk.streamChatWithPrompt('asked', options);
    const types = (await all(stream)).map((chunk) => chunk.type);
    expect(new Set(types)).toEqual(new Set(['token', 'done']));
    const whole = await stream.final();
    expect(whole).toEqual({ ...chatted, id: whole.id });
  });

  it.each(['streamGenerateWithPrompt', 'streamChatWithPrompt'] as const)(
    'stop the model when %s is left',
    async (name) => {
      await sdk.putPrompt('left', 'Greet {name}.');
      await script('anthropic', ENDLESS);
      await leave(sdk[name]('left', { variables, cache: false }));
      expect(await modelIsStopped()).toBe(true);
    },
  );
});

it('takes documents in, finds them and answers from them', async () => {
  const made = await sdk.putCollection('kb', { chunkSize: 128, chunkOverlap: 0 });
  expect(made).toMatchObject({ name: 'kb', chunk_size: 128 });
  const uploaded = await sdk.uploadDocuments('kb', [
    new File(['Refunds take thirty days.'], 'refunds.md'),
    new File(['Bicycles have two wheels.'], 'wheels.txt'),
  ]);
  const added = await sdk.addDocuments('kb', { text: 'We are in Oslo.', id: 'where' });
  for (const { id } of [...uploaded.documents, ...added.documents]) {
    expect((await ended(() => sdk.getDocument('kb', id))).status).toBe('ready');
  }
  expect(await all(sdk.listDocuments('kb', { limit: 2 }))).toHaveLength(3);
  const { source_nodes } = await sdk.retrieve('kb', QUESTION, { topK: 1 });
  expect(source_nodes[0]?.metadata['file_name']).toBe('refunds.md');
  const answer = await sdk.queryCollection('kb', QUESTION, { cache: false });
  expect(answer.source_nodes[0]?.document_id).toBe(uploaded.documents[0]?.id);
  const stream = sdk.streamQueryCollection('kb', QUESTION, { cache: false });
  const [sources, ...rest] = await all(stream);
  expect(sources?.type === 'sources' && sources.source_nodes).toEqual(answer.source_nodes);
  expect(new Set(rest.map((chunk) => chunk.type))).toEqual(new Set(['token', 'done']));
  const whole = await stream.final();
  expect(whole).toEqual({ ...answer, id: whole.id });
  await script('anthropic', ENDLESS);
  await leave(sdk.streamQueryCollection('kb', QUESTION, { cache: false }));
  expect(await modelIsStopped()).toBe(true);
  await sdk.deleteDocument('kb', 'where');
  expect((await sdk.getCollection('kb')).document_count).toBe(2);
  expect((await all(sdk.listCollections())).map((each) => each.name)).toContain('kb');
  await sdk.deleteCollection('kb');
  await rejection(sdk.getCollection('kb'), NotFoundError);
});

describe('batches', () => {
  it('are uploaded once, from a file, and read page by page', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ai-service-sdk-'));
    try {
      const path = join(folder, 'requests.jsonl');
      const lines = ['a', 'b', 'c'].map((prompt) => JSON.stringify({ prompt, custom_id: prompt }));
      await writeFile(path, lines.join('\n'));
      const options = { maxConcurrency: 2, idempotencyKey: 'upload-1' };
      const { id } = await sdk.uploadBatch(await openAsBlob(path), options);
      expect((await sdk.uploadBatch(await openAsBlob(path), options)).id).toBe(id);
      const batch = await ended(() => sdk.getBatch(id));
      expect(batch).toMatchObject({ status: 'completed', counts: { completed: 3 } });
      const results = await all(sdk.getBatchResults(id, { limit: 2 }));
      expect(results.map((each) => each.custom_id)).toEqual(['a', 'b', 'c']);
      const [first] = results;
      expect(first?.response && 'text' in first.response && first.response.text).toBe('Echo: a');
      const pages = await all(sdk.getBatchResults(id, { limit: 2 }).pages());
      expect(pages.map((page) => page.data.length)).toEqual([2, 1]);
      expect((await sdk.getBatchResults(id, { after: 0 })).data).toEqual(results.slice(1));
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('are created, listed and cancelled', async () => {
    await script('anthropic', ENDLESS, ENDLESS);
    const { id } = await sdk.createBatch({ requests: [{ prompt: 'a' }, { prompt: 'b' }] });
    expect((await all(sdk.listBatches({ limit: 1 }))).map((each) => each.id)).toContain(id);
    await sdk.cancelBatch(id);
    expect((await ended(() => sdk.getBatch(id))).status).toBe('cancelled');
  });
});

it('keeps webhook endpoints, tries them, and lists their deliveries', async () => {
  const { id, secret } = await sdk.createWebhookEndpoint('http://127.0.0.1:1/hooks', ['batch.*']);
  expect(secret).toMatch(/^whsec_/);
  expect((await sdk.rotateWebhookSecret(id, { overlapSeconds: 0 })).secret).not.toBe(secret);
  const tried = await sdk.testWebhookEndpoint(id);
  const listed = await all(sdk.listWebhookDeliveries(id, { limit: 1 }));
  expect(listed.map((each) => each.id)).toEqual([tried.id]);
  expect((await sdk.redeliverWebhook(tried.id)).endpoint_id).toBe(id);
  expect(await sdk.redeliverFailedWebhooks(id)).toEqual({ redelivered: 0 });
  await sdk.changeWebhookEndpoint(id, { enabled: false });
  expect((await sdk.getWebhookEndpoint(id)).status).toBe('disabled');
  expect((await all(sdk.listWebhookEndpoints())).map((each) => each.id)).toContain(id);
  await sdk.deleteWebhookEndpoint(id);
  await rejection(sdk.getWebhookEndpoint(id), NotFoundError);
});
