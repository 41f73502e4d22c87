/** Streamed answers. */

import type { Deadline } from './deadline.js';
import { AIServiceError, StreamInterruptedError, errorOfEvent } from './errors.js';
import { dataOfEvents } from './events.js';
import { errorOf } from './transport.js';

/** An event as it comes over the wire; which fields it has, its type says. */
interface Event {
  type: string;
  content?: string;
  index?: number;
  id?: string | null;
  name?: string | null;
  arguments?: string;
}

interface ToolCall {
  id: string;
  type: 'function';
  function: { name: string; arguments: string };
}

/** A stream whose first event has come. */
export interface OpenedStream {
  response: Response;
  deadline: Deadline;
  events: AsyncGenerator<Event, void, void>;
  reader: ReadableStreamDefaultReader<Uint8Array>;
  first: Event;
}

/** Where the text of the whole answer stands. */
export type FinalShape = 'text' | 'message' | 'answer';

/**
 * The chunks of an answer, for one `for await`. The request is sent when they are asked for. Leaving the loop
 * early, or aborting the call's signal, stops the model.
 */
export class Stream<Chunk, Final> implements AsyncIterable<Chunk> {
  readonly #open: () => Promise<OpenedStream>;
  readonly #signal: AbortSignal | undefined;
  readonly #shape: FinalShape;
  #opened: Promise<OpenedStream> | undefined;
  #state: 'new' | 'begun' | 'done' = 'new';
  readonly #fields: Record<string, unknown> = {};
  #text = '';
  readonly #toolCalls: ToolCall[] = [];

  constructor(
    open: () => Promise<OpenedStream>,
    signal: AbortSignal | undefined,
    shape: FinalShape,
  ) {
    this.#open = open;
    this.#signal = signal;
    this.#shape = shape;
  }

  /** Sends the request, if that has not happened yet. Status and headers; the body is this stream. */
  async response(): Promise<Response> {
    return (await this.#opening()).response;
  }

  /**
   * The whole answer, as the operation without a stream gives it. Reads what has not been read.
   *
   * Throws `AIServiceError` if the stream was left before its end.
   */
  async final(): Promise<Final> {
    if (this.#state === 'new') for await (const _ of this);
    if (this.#state !== 'done') throw new AIServiceError('The stream was not read to its end');
    return this.#answer() as Final;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Chunk, void, void> {
    if (this.#state !== 'new') throw new AIServiceError('A stream can be read only once');
    this.#state = 'begun';
    const { response, deadline, events, reader, first } = await this.#opening();
    try {
      for (let event: Event | void = first; event; event = (await events.next()).value) {
        if (event.type === 'error') throw errorOfEvent(event, response.headers);
        this.#take(event);
        if (event.type === 'done') this.#state = 'done';
        yield event as Chunk;
        if (event.type === 'done') return;
      }
      throw new StreamInterruptedError('The stream ended without its terminal event');
    } catch (cause) {
      const error = errorOf(cause, deadline, this.#signal);
      if (error === cause) throw error;
      throw deadline.hasPassed
        ? error
        : new StreamInterruptedError('The stream broke off', { cause });
    } finally {
      // Here, after a `break`, too. A body that is read to its end gives its connection back.
      if (this.#state === 'done') void finish(reader, deadline);
      else deadline.abort();
    }
  }

  #opening(): Promise<OpenedStream> {
    return (this.#opened ??= this.#open());
  }

  #take({ type, ...event }: Event): void {
    if (type === 'token') this.#text += event.content ?? '';
    else if (type === 'tool_call') this.#takeToolCall(event);
    else Object.assign(this.#fields, event);
  }

  #takeToolCall({ index = 0, id, name, arguments: piece = '' }: Omit<Event, 'type'>): void {
    const call = (this.#toolCalls[index] ??= {
      id: '',
      type: 'function',
      function: { name: '', arguments: '' },
    });
    if (id) call.id = id;
    if (name) call.function.name = name;
    call.function.arguments += piece;
  }

  #answer(): Record<string, unknown> {
    if (this.#shape !== 'message') return { ...this.#fields, [this.#shape]: this.#text };
    const { provider_data, ...fields } = this.#fields;
    const message: Record<string, unknown> = { role: 'assistant', content: this.#text || null };
    if (this.#toolCalls.length > 0) message['tool_calls'] = this.#toolCalls;
    if (provider_data) message['provider_data'] = provider_data;
    return { ...fields, message };
  }
}

/** Wait for the first event: what fails until then may be tried again. */
export async function openStream(response: Response, deadline: Deadline): Promise<OpenedStream> {
  if (!response.body) throw new StreamInterruptedError('The answer has no body');
  const reader = response.body.getReader();
  const events = parsed(dataOfEvents(reader, deadline));
  const first = (await events.next()).value;
  if (!first) throw new StreamInterruptedError('The stream ended before its first event');
  return { response, deadline, events, reader, first };
}

async function* parsed(texts: AsyncIterable<string>): AsyncGenerator<Event, void, void> {
  for await (const text of texts) yield JSON.parse(text) as Event;
}

async function finish(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  deadline: Deadline,
): Promise<void> {
  try {
    deadline.extend();
    while (!(await reader.read()).done);
    deadline.release();
  } catch {
    // The answer is complete; what becomes of the connection after it is nobody's concern.
  }
}
