/** Starts the real service in front of the simulator, for all test files together. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { TestProject } from 'vitest/node';

export interface Served {
  /** Of the service. */
  url: string;
  /** An operator's key. */
  key: string;
  /** Of the simulator's controls; see tests/sdks/simulated_service.py. */
  control: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    served: Served;
  }
}

const ROOT = new URL('../../../', import.meta.url).pathname;

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const python = process.env['PYTHON'] ?? `${ROOT}.venv/bin/python`;
  const server = spawn(python, ['-m', 'tests.sdks.simulated_service'], {
    cwd: ROOT,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  for await (const line of createInterface(server.stdout)) {
    if (!line.startsWith('{')) continue;
    project.provide('served', JSON.parse(line) as Served);
    break;
  }
  return async () => {
    const ended = once(server, 'exit');
    server.stdin.end();
    await ended;
  };
}
