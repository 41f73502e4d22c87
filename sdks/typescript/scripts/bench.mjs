/**
 * What a call costs over raw `fetch` to the same endpoint, in CPU time of this process: interleaved rounds.
 *
 * `node scripts/bench.mjs URL KEY` prints JSON. The service's answers should be cache hits, so that it keeps up.
 */

import { AIServiceSDK } from '../dist/index.js';

const CALLS = 300;
const ROUNDS = 9;

const [url, key] = process.argv.slice(2);
const sdk = new AIServiceSDK(key, url);

async function raw() {
  const response = await fetch(`${url}/api/v1/generate`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-API-Key': key },
    body: JSON.stringify({ prompt: 'Hello' }),
  });
  return (await response.json()).text;
}

async function bySDK() {
  return (await sdk.generate('Hello')).text;
}

async function cpuMilliseconds(call) {
  const before = process.cpuUsage();
  for (let done = 0; done < CALLS; done++) {
    if (!(await call())) throw new Error('no text');
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / CALLS;
}

const found = { raw: [], sdk: [] };
for (let round = 0; round <= ROUNDS; round++) {
  const [rawMs, sdkMs] = [await cpuMilliseconds(raw), await cpuMilliseconds(bySDK)];
  if (round === 0) continue; // the engine warms up
  found.raw.push(rawMs);
  found.sdk.push(sdkMs);
}
const [raw_ms, sdk_ms] = [found.raw, found.sdk].map(
  (all) => all.sort((a, b) => a - b)[ROUNDS >> 1],
);
console.log(JSON.stringify({ raw_ms, sdk_ms }));
