// A chat page without a framework. What the model says is put in as text, never as markup.
import { AIServiceSDK, RateLimitError } from './sdk.js';

const [model, total, conversation, problem, composer, prompt, send, stop] = [
  'model',
  'total',
  'conversation',
  'problem',
  'composer',
  'prompt',
  'send',
  'stop',
].map((id) => document.getElementById(id));

/** The backend keeps the key. The SDK asks again when the token has expired. */
async function session() {
  const response = await fetch('/token', { method: 'POST' });
  if (!response.ok) throw new Error(await response.text());
  return response.json();
}

const { baseURL } = await session();
const sdk = new AIServiceSDK({ token: async () => (await session()).token, baseURL });
const messages = [];
let spentUSD = 0;
let running;

const dollars = (usd) => `$${usd.toFixed(6)}`;

function show(role, text = '') {
  const [item, paragraph, footer] = ['li', 'p', 'footer'].map((tag) => document.createElement(tag));
  item.className = role;
  paragraph.textContent = text;
  item.append(paragraph, footer);
  conversation.append(item);
  item.scrollIntoView({ block: 'end' });
  return { item, paragraph, footer };
}

function setBusy(isBusy) {
  send.hidden = isBusy;
  stop.hidden = !isBusy;
  problem.hidden = true;
  if (!isBusy) prompt.focus();
}

function report(error) {
  problem.textContent =
    error instanceof RateLimitError
      ? `Too many requests. Try again in ${Math.ceil(error.retryAfter ?? 1)} seconds.`
      : error.message;
  problem.hidden = false;
}

async function ask(text) {
  messages.push({ role: 'user', content: text });
  show('user', text);
  const { item, paragraph, footer } = show('assistant');
  running = new AbortController();
  item.ariaBusy = 'true';
  setBusy(true);
  let failure;
  try {
    const stream = sdk.streamChat(messages, { model: model.value, signal: running.signal });
    for await (const chunk of stream) {
      if (chunk.type === 'token') paragraph.append(chunk.content);
      item.scrollIntoView({ block: 'end' });
    }
    const answer = await stream.final();
    messages.push(answer.message);
    spentUSD += answer.cost_usd ?? 0;
    total.textContent = dollars(spentUSD);
    footer.textContent = `${answer.provider_model} · ${answer.usage.total_tokens} tokens · ${dollars(answer.cost_usd ?? 0)}`;
  } catch (error) {
    if (!running.signal.aborted) failure = error;
    footer.textContent = running.signal.aborted ? 'stopped' : 'broken off';
    // What has come stays part of the conversation; a question without an answer does not.
    if (paragraph.textContent) messages.push({ role: 'assistant', content: paragraph.textContent });
    else messages.pop();
  }
  item.ariaBusy = 'false';
  setBusy(false);
  if (failure) report(failure);
}

composer.addEventListener('submit', (event) => {
  event.preventDefault();
  const text = prompt.value.trim();
  if (!text || !stop.hidden) return;
  prompt.value = '';
  void ask(text);
});

prompt.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  composer.requestSubmit();
});

stop.addEventListener('click', () => running.abort());

try {
  const { data } = await sdk.listModels();
  const usable = data.filter(({ targets }) =>
    targets.some((each) => each.abilities.includes('generate')),
  );
  model.append(...usable.map(({ id }) => new Option(id, id, id === 'haiku', id === 'haiku')));
} catch (error) {
  report(error);
}
