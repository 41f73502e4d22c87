/** Endpoints come to the SDK by generation alone, also those of shapes that the service does not have yet. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AIServiceSDK } from '../src/index.js';
import { Relay, answer, events } from './relay.js';
import { all } from './served.js';

const PACKAGE = new URL('..', import.meta.url).pathname;
const DOCUMENT = join(PACKAGE, 'tests/fixture/openapi.json');

type Method = (...args: unknown[]) => Promise<unknown> & {
  final(): Promise<unknown>;
} & AsyncIterable<unknown>;

let folder: string;
let methods: Record<string, Method>;

function generate(document: string): void {
  execFileSync('node', ['scripts/generate.mjs', document, folder, '../../src'], {
    cwd: PACKAGE,
    env: { ...process.env, PATH: `${PACKAGE}node_modules/.bin:${process.env['PATH']}` },
    stdio: 'pipe',
  });
}

/** Call a generated method on a client of `relay`. */
function call(relay: Relay, name: string, ...args: unknown[]): ReturnType<Method> {
  const sdk = new AIServiceSDK({ apiKey: 'sk-ais-fixture', baseURL: relay.url, maxRetries: 0 });
  return (methods[name] as Method).apply(sdk, args);
}

beforeAll(async () => {
  folder = mkdtempSync(join(PACKAGE, 'tests/.generated-'));
  generate(DOCUMENT);
  methods = (await import(join(folder, 'operations.gen.ts'))).Operations.prototype;
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true }));

it('uploads files with their names, and fields beside them', async () => {
  await using relay = await Relay.start(answer(202, {}, { ids: ['doc_1', 'doc_2'] }));
  const file = [new File(['one ✓'], 'one.txt'), new File(['two'], 'two.md')];
  const options = { dryRun: true, metadata: { team: 'blue' }, maxConcurrency: 2 };
  expect(await call(relay, 'uploadDocuments', 'my docs', file, options)).toEqual({
    ids: ['doc_1', 'doc_2'],
  });
  const [request] = relay.requests;
  expect(request?.path).toBe('/collections/my%20docs/documents/upload?dry_run=true');
  const type = request?.headers['content-type'] ?? '';
  expect(type).toMatch(/^multipart\/form-data; boundary=/);
  const body = request?.body ?? '';
  const form = await new Response(body, { headers: { 'content-type': type } }).formData();
  const sent = await Promise.all(
    form.getAll('file').map(async (each) => [(each as File).name, await (each as File).text()]),
  );
  expect(sent).toEqual([
    ['one.txt', 'one ✓'],
    ['two.md', 'two'],
  ]);
  expect(form.get('metadata')).toBe('{"team":"blue"}');
  expect(form.get('max_concurrency')).toBe('2');
});

it('puts what a stream says beside its text into the whole answer', async () => {
  const said = [
    { type: 'sources', source_nodes: ['a', 'b'] },
    { type: 'token', content: 'Yes' },
    { type: 'token', content: '.' },
    { type: 'done' },
  ];
  const lines = said.map((event) => `data: ${JSON.stringify(event)}\n\n`);
  await using relay = await Relay.start(events(...lines));
  const stream = call(relay, 'streamQueryCollection', 'docs', 'Really?', { topK: 2 });
  expect(await stream.final()).toEqual({ answer: 'Yes.', source_nodes: ['a', 'b'] });
  expect(JSON.parse(relay.requests[0]?.body ?? '')).toEqual({ question: 'Really?', top_k: 2 });
});

it('types all of it', { timeout: 60_000 }, () => {
  const usage = `import type { Operations } from './operations.gen.js';
    declare const sdk: Operations;
    void sdk.uploadDocuments('docs', [new File([''], 'a.txt')], { dryRun: true });
    for await (const chunk of sdk.streamQueryCollection('docs', 'Really?', 'haiku')) {
      if (chunk.type === 'sources') chunk.source_nodes satisfies string[];
    }
    (await sdk.streamQueryCollection('docs', 'Really?').final()).answer satisfies string;
    (await sdk.getBatchResults('batch_1', 5)) satisfies string;
    for await (const line of sdk.getLines('batch_1', { behind: 5 })) line.index satisfies number;
    // @ts-expect-error: it is not for SDKs
    void sdk.takeHook;
    // @ts-expect-error: there is no such option
    void sdk.queryCollection('docs', 'Really?', { topk: 2 });
    // @ts-expect-error: a required argument is missing
    void sdk.getBatchResults('batch_1');
    export {};`;
  writeFileSync(join(folder, 'usage.ts'), usage);
  const config = { extends: '../tsconfig.json', include: ['.', '../../src'] };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  const tsc = join(PACKAGE, 'node_modules/.bin/tsc');
  expect(() => execFileSync(tsc, ['-p', folder], { stdio: 'pipe' })).not.toThrow();
});

it('takes what a query must have as an argument, and gives lines as they are', async () => {
  const lines = '{"index":0}\n{"index":1}\n';
  await using relay = await Relay.start(
    answer(200, { 'content-type': 'application/x-ndjson' }, lines),
  );
  expect(await call(relay, 'getBatchResults', 'batch_1', 5)).toBe(lines);
  expect(relay.requests[0]?.path).toBe('/batches/batch_1/results?after=5');
});

it('reads lines that come in pages one by one', async () => {
  const type = { 'content-type': 'application/x-ndjson' };
  await using relay = await Relay.start(
    answer(200, { ...type, 'x-next-behind': '7' }, '{"index":4}\n{"index":7}\n'),
    answer(200, type, '{"index":9}\n'),
    answer(200, type, ''),
  );
  const indices = await all(call(relay, 'getLines', 'batch_1', { behind: 3 }));
  expect(indices).toEqual([{ index: 4 }, { index: 7 }, { index: 9 }]);
  const page = await call(relay, 'getLines', 'batch_1', { limit: 5 });
  expect(page).toEqual({ data: [], next_cursor: null });
  expect(relay.requests.map((each) => each.path)).toEqual([
    '/batches/batch_1/lines?limit=500&behind=3',
    '/batches/batch_1/lines?limit=500&behind=7',
    '/batches/batch_1/lines?limit=5',
  ]);
});

it.each([
  ['a field that is an option of every call', 'top_k', 'signal'],
  ['a name that camelCase does not keep', 'top_k', 'topK'],
  ['an operation with the name of a method of its own', 'query_collection', 'request'],
])('refuses %s', async (_, name, replacement) => {
  const document = join(folder, 'refused.json');
  writeFileSync(
    document,
    readFileSync(DOCUMENT, 'utf8').replaceAll(`"${name}"`, `"${replacement}"`),
  );
  expect(() =>
    execFileSync('node', ['scripts/operations.mjs', document, '/dev/null'], {
      cwd: PACKAGE,
      stdio: 'pipe',
    }),
  ).toThrow(replacement);
});
