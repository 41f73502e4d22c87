// A conversation that the service remembers: node memory.mjs "My name is Ada." "What is my name?"
import { AIServiceSDK } from '@ai-service/sdk';

const turns = process.argv.slice(2);
const sdk = new AIServiceSDK();

const { id: conversationId } = await sdk.createConversation({ system: 'Be helpful.' });
for (const content of turns) {
  for await (const chunk of sdk.streamChat([{ role: 'user', content }], { conversationId })) {
    if (chunk.type === 'token') process.stdout.write(chunk.content);
  }
  console.log();
}
const { usage, cost_usd } = await sdk.getConversation(conversationId);
console.log(`${usage.total_tokens} tokens, ${cost_usd.toFixed(6)} USD`);
