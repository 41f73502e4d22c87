// A prompt template that is tried and then put to use: node prompts.mjs "Some long text …"
import { AIServiceSDK } from '@ai-service/sdk';

const sdk = new AIServiceSDK();
const variables = { text: process.argv[2] ?? 'Money is returned within thirty days.' };

// What has not changed makes no new version.
const { version } = await sdk.putPrompt(
  'summary',
  'Summarize this in {sentences} sentences: {text}',
  {
    defaults: { model: 'haiku', max_tokens: 300 },
    variables: { text: {}, sentences: { type: 'integer', default: 2 } },
  },
);
const { messages } = await sdk.renderPrompt('summary', { variables, version });
console.log(messages.at(-1).content);

await sdk.putPromptLabel('summary', 'production', version);
const stream = sdk.streamGenerateWithPrompt('summary', { variables, label: 'production' });
for await (const chunk of stream) {
  if (chunk.type === 'token') process.stdout.write(chunk.content);
}
console.log(`\n${(await stream.final()).usage.output_tokens} tokens`);
