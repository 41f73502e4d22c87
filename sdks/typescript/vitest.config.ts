import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    globalSetup: 'tests/setup.ts',
    include: ['tests/**/*.test.ts'],
    // All share one simulator.
    fileParallelism: false,
    isolate: false,
    testTimeout: 20_000,
  },
});
