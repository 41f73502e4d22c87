/**
 * Every error that the SDK throws:
 *
 *     AIServiceError
 *     ├── APIConnectionError            no answer came
 *     │   ├── APITimeoutError           not in time
 *     │   └── StreamInterruptedError    a stream ended without `done` or `error`
 *     └── APIError                      the service answered with an error
 *         ├── ValidationError           400
 *         ├── AuthenticationError       401
 *         ├── BudgetExceededError       402
 *         ├── AuthorizationError        403
 *         ├── NotFoundError             404
 *         ├── ConflictError             409
 *         ├── RateLimitError            429
 *         └── ServerError               500, 504 and what else is 5xx
 *             ├── ProviderError             502
 *             └── ServiceUnavailableError   503
 *
 * An aborted signal rejects with the signal's own reason, as `fetch` does.
 */

import type { ErrorDetail } from './generated/types.gen.js';

/** Whatever the SDK throws by itself. */
export class AIServiceError extends Error {
  override name = 'AIServiceError';
}

/** The service could not be reached, or the connection broke; `cause` says why. */
export class APIConnectionError extends AIServiceError {
  override name = 'APIConnectionError';
}

/** No answer within `timeout`, or a stream that was silent for as long. */
export class APITimeoutError extends APIConnectionError {
  override name = 'APITimeoutError';
}

/** A stream that ended without its terminal event: what has come is not the whole answer. */
export class StreamInterruptedError extends APIConnectionError {
  override name = 'StreamInterruptedError';
}

/** The service answered with an error; inside a stream, too. */
export class APIError extends AIServiceError {
  override name = 'APIError';
  /** The HTTP status; for an error inside a stream, the one that it would have had. */
  readonly status: number;
  /** The envelope's `type`; `undefined` where a proxy answered instead of the service. */
  readonly type: ErrorDetail['type'] | undefined;
  /** Tell it to whoever runs the service: it is on their log line. */
  readonly requestId: string | undefined;
  /** Seconds after which it is worth asking again. */
  readonly retryAfter: number | undefined;
  /** The field that is to blame, as a dotted path. */
  readonly field: string | undefined;
  /** The whole envelope as it came: `budget`, `resets_at`, `required_scope`, … */
  readonly detail: Partial<ErrorDetail>;
  readonly headers: Headers;

  constructor(status: number, detail: Partial<ErrorDetail>, headers: Headers) {
    super(detail.message ?? `The service answered with status ${status}`);
    this.status = status;
    this.type = detail.type;
    this.requestId = detail.request_id ?? headers.get('x-request-id') ?? undefined;
    this.retryAfter =
      retryAfterSeconds(headers) ??
      detail.retry_after ??
      detail.estimated_time_seconds ??
      undefined;
    this.field = detail.field ?? undefined;
    this.detail = detail;
    this.headers = headers;
  }
}

/** 400: mend what `field` names; also a prompt that the provider itself refuses. */
export class ValidationError extends APIError {
  override name = 'ValidationError';
}
/** 401: the key is missing, wrong, expired or revoked. */
export class AuthenticationError extends APIError {
  override name = 'AuthenticationError';
}
/** 402: `detail.budget` has less left than the request may cost; `detail.resets_at` says until when. */
export class BudgetExceededError extends APIError {
  override name = 'BudgetExceededError';
}
/** 403: the key lacks `detail.required_scope`. */
export class AuthorizationError extends APIError {
  override name = 'AuthorizationError';
}
/** 404: there is no such thing. */
export class NotFoundError extends APIError {
  override name = 'NotFoundError';
}
/** 409: an idempotency key of another request, or a state that does not allow this. */
export class ConflictError extends APIError {
  override name = 'ConflictError';
}
/** 429: a limit per minute is used up; come back after `retryAfter` seconds. */
export class RateLimitError extends APIError {
  override name = 'RateLimitError';
}
/** 500 and 504: a fault of the service, or its deadline was spent. */
export class ServerError extends APIError {
  override name = 'ServerError';
}
/** 502: every provider answered badly. */
export class ProviderError extends ServerError {
  override name = 'ProviderError';
}
/** 503: nothing can take the request now; come back after `retryAfter` seconds. */
export class ServiceUnavailableError extends ServerError {
  override name = 'ServiceUnavailableError';
}

const CLASSES: Record<number, typeof APIError> = {
  400: ValidationError,
  401: AuthenticationError,
  402: BudgetExceededError,
  403: AuthorizationError,
  404: NotFoundError,
  409: ConflictError,
  429: RateLimitError,
  502: ProviderError,
  503: ServiceUnavailableError,
};

/** Inside a stream an error has a type, but no status. */
const STATUSES: Record<ErrorDetail['type'], number> = {
  validation_error: 400,
  authentication_error: 401,
  budget_exceeded: 402,
  authorization_error: 403,
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  payload_too_large: 413,
  unsupported_media_type: 415,
  rate_limit_error: 429,
  server_error: 500,
  provider_error: 502,
  service_unavailable: 503,
  timeout: 504,
};

/** The error that `response`, which is not ok, stands for. */
export async function errorOfResponse(response: Response): Promise<APIError> {
  const body: unknown = await response.json().catch(() => undefined);
  return apiError(response.status, detailOf(body), response.headers);
}

/** The error that a stream's `error` event stands for. */
export function errorOfEvent(event: unknown, headers: Headers): APIError {
  const detail = detailOf(event);
  return apiError((detail.type && STATUSES[detail.type]) ?? 500, detail, headers);
}

function apiError(status: number, detail: Partial<ErrorDetail>, headers: Headers): APIError {
  return new (CLASSES[status] ?? (status >= 500 ? ServerError : APIError))(status, detail, headers);
}

function detailOf(body: unknown): Partial<ErrorDetail> {
  const detail = (body as { error?: unknown } | null | undefined)?.error;
  return typeof detail === 'object' && detail !== null ? detail : {};
}

/** `retry-after-ms`, or `Retry-After` in seconds or as a date; in seconds, not below 0. */
function retryAfterSeconds(headers: Headers): number | undefined {
  const milliseconds = Number.parseFloat(headers.get('retry-after-ms') ?? '');
  if (milliseconds >= 0) return milliseconds / 1000;
  const value = headers.get('retry-after') ?? '';
  const seconds = /^\s*\d+(\.\d+)?\s*$/.test(value)
    ? Number(value)
    : (Date.parse(value) - Date.now()) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds);
}
