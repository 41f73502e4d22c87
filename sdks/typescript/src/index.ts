/** The TypeScript SDK of AI Service. */

export { AIServiceSDK, type ClientOptions, type RequestOptions } from './sdk.js';
export { Call, PagedCall, type Page, type WithResponse } from './call.js';
export { Stream } from './stream.js';
export type { CallOptions, IdempotentCallOptions, Options } from './options.js';
export type { TokenProvider } from './transport.js';
export {
  AIServiceError,
  APIConnectionError,
  APIError,
  APITimeoutError,
  AuthenticationError,
  AuthorizationError,
  BudgetExceededError,
  ConflictError,
  NotFoundError,
  ProviderError,
  RateLimitError,
  ServerError,
  ServiceUnavailableError,
  StreamInterruptedError,
  ValidationError,
} from './errors.js';
export { VERSION } from './generated/operations.gen.js';
export type * from './generated/types.gen.js';
