import { defineConfig } from '@hey-api/openapi-ts';

const { SDK_OPENAPI = '../openapi.json', SDK_GENERATED = 'src/generated' } = process.env;

/** Types only: what runs is in `src`, as the stock client retries streams without limit and ignores `break`. */
export default defineConfig({
  input: SDK_OPENAPI,
  output: { path: SDK_GENERATED, module: { extension: '.js' }, clean: true, entryFile: false },
  plugins: ['@hey-api/typescript'],
});
