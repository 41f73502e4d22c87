// Answers from documents, with their sources: node documents.mjs "How long do refunds take?" *.md
import { openAsBlob } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { AIServiceSDK } from '@ai-service/sdk';

const [, , question, ...paths] = process.argv;
const sdk = new AIServiceSDK();

await sdk.putCollection('handbook');
const files = paths.map(async (path) => new File([await openAsBlob(path)], basename(path)));
const { documents } = await sdk.uploadDocuments('handbook', await Promise.all(files));
for (let { id, status, file_name, error } of documents) {
  while (status === 'queued' || status === 'processing') {
    await setTimeout(500);
    ({ status, error } = await sdk.getDocument('handbook', id));
  }
  if (error) console.log(`${file_name}: ${error}`);
}

const stream = sdk.streamQueryCollection('handbook', question);
for await (const chunk of stream) {
  if (chunk.type === 'token') process.stdout.write(chunk.content);
}
console.log();
for (const { score, metadata, text } of (await stream.final()).source_nodes) {
  console.log(`${score.toFixed(2)} ${metadata.file_name}: ${text}`);
}
