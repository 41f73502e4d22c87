// A durable batch, from a file of prompts to its results: node batch.mjs requests.jsonl
import { openAsBlob } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { AIServiceSDK } from '@ai-service/sdk';

const sdk = new AIServiceSDK();

// Read as it is sent. The batch goes on without this program: keep its id.
let batch = await sdk.uploadBatch(await openAsBlob(process.argv[2]));
while (['queued', 'running', 'paused'].includes(batch.status)) {
  await setTimeout(1_000);
  batch = await sdk.getBatch(batch.id);
}
// Page by page, in the order of the file.
for await (const { custom_id, response, error } of sdk.getBatchResults(batch.id)) {
  console.log(`${custom_id}: ${error ? error.message : response.text}`);
}
console.log(
  `${batch.status}: ${batch.counts.completed} answered for ${batch.cost_usd.toFixed(6)} USD`,
);
