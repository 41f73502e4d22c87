/** What a caller may say about one call, and how it becomes a request. */

import { AIServiceError } from './errors.js';

/** How one call is made; everything else in its options goes to the service. */
export interface CallOptions {
  /** Ends the call, and what the provider does for it. */
  signal?: AbortSignal | undefined;
  /** Milliseconds that each attempt may take (60,000); for a stream, how long it may be silent. */
  timeout?: number | undefined;
  /** How often a failed attempt is repeated (2). */
  maxRetries?: number | undefined;
  /** Sent besides the SDK's own. */
  headers?: Record<string, string> | undefined;
}

/** For calls that cost money: a repeated request with the same key gets the recorded answer. */
export interface IdempotentCallOptions extends CallOptions {
  /** Up to 255 visible ASCII characters; made for each call if absent. */
  idempotencyKey?: string | undefined;
}

type CamelCase<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name;
type InCamelCase<Fields> = {
  [Name in keyof Fields as Name extends string ? CamelCase<Name> : never]?:
    Fields[Name] | undefined;
};
type Part<Data, Name extends string> = Data extends { [Key in Name]?: infer Fields }
  ? [Exclude<Fields, undefined>] extends [never]
    ? unknown
    : Exclude<Fields, undefined>
  : unknown;

/** The options of an operation: its fields in camelCase, without those that are arguments of their own. */
export type Options<Data, Arguments extends string = never> = InCamelCase<
  Omit<Part<Data, 'body'>, Arguments> & Omit<Part<Data, 'query'>, Arguments>
> &
  (Data extends { headers?: { 'Idempotency-Key'?: string } } ? IdempotentCallOptions : CallOptions);

/** What the OpenAPI document says of an operation. */
export interface Operation {
  method: string;
  /** With its parameters filled in. */
  path: string;
  /** The fields that are arguments of their own; absent where there is no body. */
  body?: Record<string, unknown>;
  query?: Record<string, unknown>;
  /** Which options go into the query although there is a body. */
  queryNames?: readonly string[];
  isMultipart?: boolean;
  /** Of JSON Lines in pages: the parameter that asks for a page; a header tells its value for the next one. */
  next?: string;
  /** Whether it takes an `Idempotency-Key`. */
  isIdempotent?: boolean;
}

/** A request, ready to be sent more than once. */
export interface Prepared {
  method: string;
  path: string;
  headers: Headers;
  body?: string | FormData;
}

/** The operation as it is called with `options`. */
export function prepare(
  operation: Operation,
  { signal, timeout, maxRetries, headers, idempotencyKey, ...fields }: IdempotentCallOptions,
): Prepared {
  const { body, queryNames } = operation;
  const query = { ...operation.query };
  const content = { ...body };
  for (const [name, value] of Object.entries(fields)) {
    const field = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    (body === undefined || queryNames?.includes(field) ? query : content)[field] = value;
  }
  const prepared: Prepared = {
    method: operation.method,
    path: operation.path + queryString(query),
    headers: new Headers(headers),
  };
  if (body !== undefined) {
    prepared.body = operation.isMultipart ? formOf(content) : JSON.stringify(content);
    if (!operation.isMultipart) prepared.headers.set('Content-Type', 'application/json');
  }
  if (operation.isIdempotent && !prepared.headers.has('Idempotency-Key')) {
    prepared.headers.set('Idempotency-Key', idempotencyKey ?? randomKey());
  }
  return prepared;
}

/** A path with its parameters encoded: as a tag, path`/api/v1/keys/${id}`. */
export function path(parts: TemplateStringsArray, ...values: string[]): string {
  return parts.reduce((before, part, index) => before + segment(values[index - 1] ?? '') + part);
}

function segment(value: string): string {
  // URLs take these away, and the request would go elsewhere.
  if (/^\.{0,2}$/.test(value)) throw new AIServiceError(`'${value}' is no id`);
  return encodeURIComponent(value);
}

function queryString(query: Record<string, unknown>): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== undefined && each !== null) given.append(name, String(each));
    }
  }
  const text = given.toString();
  return text && `?${text}`;
}

function formOf(content: Record<string, unknown>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(content)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each === undefined || each === null) continue;
      if (each instanceof Blob) form.append(name, each);
      else form.append(name, typeof each === 'object' ? JSON.stringify(each) : String(each));
    }
  }
  return form;
}

/** 128 random bits; `crypto.randomUUID` is missing on pages without TLS. */
function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
