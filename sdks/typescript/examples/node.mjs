// Ask once, then stream. Run with AI_SERVICE_API_KEY (and AI_SERVICE_BASE_URL): node node.mjs "Your question"
import { AIServiceSDK, APIError } from '@ai-service/sdk';

const sdk = new AIServiceSDK();
const prompt = process.argv[2] ?? 'Explain quantum computing in one sentence.';

try {
  const { text, usage, cost_usd } = await sdk.generate(prompt, { maxTokens: 200 });
  console.log(text);
  console.log(`${usage.total_tokens} tokens, ${cost_usd} USD`);

  const stream = sdk.streamChat([{ role: 'user', content: prompt }], 'sonnet');
  for await (const chunk of stream) {
    if (chunk.type === 'token') process.stdout.write(chunk.content);
  }
  const { provider_model, finish_reason } = await stream.final();
  console.log(`\n${provider_model}, ended by ${finish_reason}`);
} catch (error) {
  if (!(error instanceof APIError)) throw error;
  console.error(`${error.name}: ${error.message} (request ${error.requestId})`);
  process.exitCode = 1;
}
