/** What is published: it is small, and installs and works in an empty folder. */

import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { key, script, url } from './served.js';

const MAX_GZIPPED_BYTES = 8 * 1024;
const PACKAGE = new URL('..', import.meta.url).pathname;
const ENVIRONMENT = { ...process.env, AI_SERVICE_API_KEY: key, AI_SERVICE_BASE_URL: url };
const run = promisify(execFile);

let folder: string;
let blocks: string[];

/** The output of a program in the folder that has the package installed. */
async function output(command: string, ...args: string[]): Promise<string> {
  return (await run(command, args, { cwd: folder, env: ENVIRONMENT })).stdout;
}

/** The README's runnable code: each block is a program. Those without imports get the first block's. */
async function readmePrograms(): Promise<string[]> {
  const readme = await readFile(join(PACKAGE, 'README.md'), 'utf8');
  const found = Array.from(readme.matchAll(/^```ts\n(.*?)^```/gms), ([, code]) => code ?? '');
  const prelude = "import * as ai from '@ai-service/sdk';\nconst sdk = new ai.AIServiceSDK();\n";
  return found.map((code) => (code.includes('import ') ? code : prelude + code));
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ai-service-sdk-'));
  const packed = await run('npm', ['pack', '--json', '--pack-destination', folder], {
    cwd: PACKAGE,
  });
  const [{ filename }] = JSON.parse(packed.stdout);
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  await output('npm', 'install', '--offline', '--no-audit', '--no-fund', `./${filename}`);
  blocks = await readmePrograms();
  for (const [index, code] of blocks.entries()) {
    await writeFile(join(folder, `readme-${index}.mts`), code);
  }
  const compilerOptions = {
    module: 'NodeNext',
    target: 'ES2022',
    lib: ['ES2022', 'DOM'],
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    types: ['node'],
    typeRoots: [join(PACKAGE, 'node_modules/@types')],
  };
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, include: ['*.mts'] }),
  );
}, 60_000);

afterAll(() => rm(folder, { recursive: true }));

it('is small enough for a web page', async () => {
  const { outputFiles } = await build({
    entryPoints: [join(PACKAGE, 'dist/index.js')],
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
  });
  const bundle = gzipSync(outputFiles[0]?.contents ?? '').length;
  const shipped = gzipSync(await readFile(join(PACKAGE, 'dist/index.js'))).length;
  console.log(`bundled ${bundle} bytes, as it is shipped ${shipped} bytes (gzip)`);
  expect(bundle).toBeLessThan(MAX_GZIPPED_BYTES);
  expect(shipped).toBeLessThan(MAX_GZIPPED_BYTES);
});

it('installs nothing but itself', async () => {
  const listed = JSON.parse(await output('npm', 'ls', '--all', '--json'));
  expect(Object.keys(listed.dependencies)).toEqual(['@ai-service/sdk']);
  expect(listed.dependencies['@ai-service/sdk'].dependencies).toBeUndefined();
});

const ASK = "new AIServiceSDK().generate('Hello').then(({ text }) => console.log(text))";

it('works as an ES module', async () => {
  const code = `import { AIServiceSDK } from '@ai-service/sdk'; ${ASK}`;
  expect(await output('node', '--input-type=module', '--eval', code)).toBe('Echo: Hello\n');
});

it('works as a CommonJS module', async () => {
  const code = `const { AIServiceSDK } = require('@ai-service/sdk'); ${ASK}`;
  expect(await output('node', '--input-type=commonjs', '--eval', code)).toBe('Echo: Hello\n');
});

it('leaves no timer behind that would keep a program from ending', async () => {
  const code = `
    import { AIServiceSDK } from '@ai-service/sdk';
    const sdk = new AIServiceSDK({ timeout: 3_600_000, maxRetries: 0 });
    const signal = new AbortController().signal;
    await sdk.generate('Hello', { signal });
    await sdk.generate('Hello', { temperature: 9 }).catch(() => undefined);
    await new AIServiceSDK({ apiKey: 'k', baseURL: 'http://127.0.0.1:1', timeout: 3_600_000, maxRetries: 0 })
      .listModels().catch(() => undefined);
    await sdk.streamGenerate('Hello').final();
    for await (const chunk of sdk.streamGenerate('Hello again')) break;
    await sdk.streamGenerate('Hello', { temperature: 9 }).final().catch(() => undefined);
    await (await sdk.request('GET', '/healthz')).text();
    console.log(process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length);`;
  expect(await output('node', '--input-type=module', '--eval', code)).toBe('0\n');
});

describe('the examples', () => {
  /** What one of them prints. */
  async function example(name: string, ...args: string[]): Promise<string> {
    await cp(join(PACKAGE, 'examples', name), join(folder, name));
    return output('node', name, ...args);
  }

  it('ask and stream', async () => {
    const printed = await example('node.mjs', 'Say hello');
    expect(printed.match(/Echo: Say hello/g)).toHaveLength(2);
    expect(printed).toMatch(/\d+ tokens, 0\.\d+ USD/);
  });

  it('have a conversation remembered', async () => {
    const printed = await example('memory.mjs', 'I am Ada.', 'Who am I?');
    expect(printed).toMatch(/^Echo: I am Ada\.\nEcho: Who am I\?\n\d+ tokens, 0\.\d+ USD\n$/);
  });

  it('run a batch from its file to its results', async () => {
    const lines = ['A', 'B'].map((city) => JSON.stringify({ custom_id: city, prompt: city }));
    await writeFile(join(folder, 'requests.jsonl'), lines.join('\n'));
    const printed = await example('batch.mjs', 'requests.jsonl');
    expect(printed).toMatch(/^A: Echo: A\nB: Echo: B\ncompleted: 2 answered for 0\.\d+ USD\n$/);
  });

  it('use a prompt by its label', async () => {
    const rendered = 'Summarize this in 2 sentences: Long text.';
    const printed = await example('prompts.mjs', 'Long text.');
    expect(printed).toBe(`${rendered}\nEcho: ${rendered}\n8 tokens\n`);
  });

  it('answer from documents with their sources', async () => {
    await writeFile(join(folder, 'refunds.md'), 'Refunds take thirty days.');
    await writeFile(join(folder, 'wheels.md'), 'Bicycles have two wheels.');
    await script('anthropic', { reply: { text: 'Thirty days.' } });
    const question = 'How long do refunds take?';
    const printed = await example('documents.mjs', question, 'refunds.md', 'wheels.md');
    expect(printed).toMatch(/^Thirty days\.\n\d\.\d+ refunds\.md: Refunds take thirty days\.\n/);
  });
});

describe('the README', () => {
  it('has examples that are typed', { timeout: 60_000 }, async () => {
    expect(blocks.length).toBeGreaterThan(8);
    await output(join(PACKAGE, 'node_modules/.bin/tsc'), '-p', '.').catch((error) => {
      throw new Error(error.stdout);
    });
  });

  it('has examples that work', { timeout: 60_000 }, async () => {
    for (const [index, code] of blocks.entries()) {
      await output('node', `readme-${index}.mjs`).catch((error) => {
        throw new Error(`${code}\n${error.stderr}`);
      });
    }
  });
});
