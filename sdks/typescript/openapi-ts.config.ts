import { defineConfig } from '@hey-api/openapi-ts';

/** Types only: what runs is in `src`, as the stock client retries streams without limit and ignores `break`. */
export default defineConfig({
  input: process.env['SDK_OPENAPI'] ?? '../openapi.json',
  output: {
    path: process.env['SDK_GENERATED'] ?? 'src/generated',
    module: { extension: '.js' },
    clean: true,
    entryFile: false,
  },
  plugins: ['@hey-api/typescript'],
});
