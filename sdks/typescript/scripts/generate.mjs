/**
 * Writes `src/generated` anew from the OpenAPI document: `npm run generate`.
 *
 * With `--check` nothing is written: it fails if anything is not as it would be written, new files included.
 * With arguments, those of `generate`: tests generate from a document of their own.
 */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const DOCUMENT = '../openapi.json';
const GENERATED = 'src/generated';

/** Types and operations of `document`, into the folder `output`, which reaches the rest of `src` by `runtime`. */
function generate(document, output, runtime = '..') {
  const settings = { SDK_OPENAPI: document, SDK_GENERATED: output };
  run('openapi-ts', ['--silent', '--no-log-file'], { ...process.env, ...settings });
  run(process.execPath, [
    'scripts/operations.mjs',
    document,
    `${output}/operations.gen.ts`,
    runtime,
  ]);
  const everywhere = ['--config', '.prettierrc.json', '--ignore-path', '/dev/null'];
  run('prettier', [...everywhere, '--log-level', 'warn', '--write', output]);
}

function check() {
  const fresh = mkdtempSync(join(tmpdir(), 'generated-'));
  try {
    generate(DOCUMENT, fresh);
    run('diff', ['--recursive', '--unified', GENERATED, fresh]);
  } catch {
    console.error('sdks/typescript is out of date: run `make sdk-typescript` and commit it');
    process.exitCode = 1;
  } finally {
    rmSync(fresh, { recursive: true });
  }
}

function setVersion() {
  const { version } = JSON.parse(readFileSync(DOCUMENT, 'utf8')).info;
  run('npm', ['version', '--silent', '--no-git-tag-version', '--allow-same-version', version]);
}

function run(command, args, env = process.env) {
  execFileSync(command, args, {
    env,
    stdio: ['ignore', command === 'diff' ? 'inherit' : 'ignore', 'inherit'],
  });
}

const [, , ...argv] = process.argv;
if (argv[0] === '--check') {
  check();
} else if (argv.length > 0) {
  generate(...argv);
} else {
  generate(DOCUMENT, GENERATED);
  setVersion();
}
