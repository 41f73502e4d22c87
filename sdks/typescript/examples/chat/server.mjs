// The page's backend: it keeps the key, and gives each visitor a token of five minutes.
//
//   AI_SERVICE_API_KEY=sk-ais-… AI_SERVICE_KEY_ID=key_… node server.mjs     → http://127.0.0.1:5173
//
// The service must name this origin in AI_SERVICE_CORS_ORIGINS. A real backend would check who is asking.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { AIServiceSDK } from '@ai-service/sdk';

const { AI_SERVICE_KEY_ID, AI_SERVICE_BASE_URL = 'http://127.0.0.1:8000' } = process.env;
const PORT = Number(process.env.PORT ?? 5173);
const sdk = new AIServiceSDK();

const FILES = {
  '/': ['text/html', new URL('index.html', import.meta.url)],
  '/chat.js': ['text/javascript', new URL('chat.js', import.meta.url)],
  '/chat.css': ['text/css', new URL('chat.css', import.meta.url)],
  '/sdk.js': ['text/javascript', new URL(import.meta.resolve('@ai-service/sdk'))],
};

async function answer({ method, url }) {
  if (method === 'POST' && url === '/token') {
    const { key } = await sdk.mintToken(AI_SERVICE_KEY_ID, {
      ttlSeconds: 300,
      scopes: ['generate'],
      budget: { limit_usd: 1, period: 'total' },
    });
    return [200, 'application/json', JSON.stringify({ token: key, baseURL: AI_SERVICE_BASE_URL })];
  }
  const [type, file] = (method === 'GET' && FILES[url]) || [];
  return file ? [200, type, await readFile(file)] : [404, 'text/plain', 'Not found'];
}

createServer(async (request, response) => {
  const [status, type, body] = await answer(request).catch((error) => {
    console.error(error);
    return [502, 'text/plain', 'The service gave no token'];
  });
  response.writeHead(status, {
    'Content-Type': `${type}; charset=utf-8`,
    'Cache-Control': 'no-store',
    'Content-Security-Policy': `default-src 'self'; img-src data:; connect-src 'self' ${AI_SERVICE_BASE_URL}; frame-ancestors 'none'`,
  });
  response.end(body);
}).listen(PORT, '127.0.0.1', () => console.log(`http://127.0.0.1:${PORT}`));
