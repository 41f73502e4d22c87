import { readFileSync } from 'node:fs';
import { defineConfig } from '@hey-api/openapi-ts';

type Operations = Record<string, { 'x-sdk-ignore'?: boolean }>;

const input = process.env['SDK_OPENAPI'] ?? '../openapi.json';
const { paths } = JSON.parse(readFileSync(input, 'utf8')) as { paths: Record<string, Operations> };
const ignored = Object.entries(paths).flatMap(([path, operations]) =>
  Object.entries(operations)
    .filter(([, operation]) => operation['x-sdk-ignore'])
    .map(([method]) => `${method.toUpperCase()} ${path}`),
);

/** Types only: what runs is in `src`, as the stock client retries streams without limit and ignores `break`. */
export default defineConfig({
  input,
  output: {
    path: process.env['SDK_GENERATED'] ?? 'src/generated',
    module: { extension: '.js' },
    clean: true,
    entryFile: false,
  },
  parser: { filters: { operations: { exclude: ignored }, preserveOrder: true } },
  plugins: ['@hey-api/typescript'],
});
