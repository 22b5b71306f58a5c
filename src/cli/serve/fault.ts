import { asBambaError, type ErrorCode } from '../../errors.ts';

/** The further facts about a refusal. */
interface FaultDetails {
  code?: string;
  /** The parameter that is wrong, as a path such as `messages.0.content`. */
  param?: string;
  headers?: Readonly<Record<string, string>>;
}

/** The error object of OpenAI's API. */
export interface FaultBody {
  error: { message: string; type: string; param: string | null; code: string | null };
}

/** What a request is refused with: a status of HTTP, and a sentence that says what to do. */
export class HttpFault extends Error {
  override readonly name = 'HttpFault';
  readonly status: number;
  readonly code: string | null;
  readonly param: string | null;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, { code, param, headers = {} }: FaultDetails = {}) {
    super(message);
    this.status = status;
    this.code = code ?? null;
    this.param = param ?? null;
    this.headers = headers;
  }

  get body(): FaultBody {
    const { message, param, code } = this;
    return { error: { message, type: typeOf(this.status), param, code } };
  }
}

/** A request that says something wrong. */
export function badRequest(message: string, details?: FaultDetails): HttpFault {
  return new HttpFault(400, message, details);
}

/** Faults of requests; all others are the server's. */
const STATUS: Partial<Record<ErrorCode, number>> = {
  setting_invalid: 400,
  prompt_empty: 400,
  prompt_too_long: 400,
  template_failed: 400,
  // A prompt of ids may name one that the model does not have.
  config_invalid: 400,
  busy: 429,
  disposed: 503,
  device_lost: 503,
  out_of_memory: 503,
  webgpu_unavailable: 503,
  worker_failed: 503,
  // Nobody hears it: whoever asked has left.
  aborted: 499,
};

/** Codes that clients know by other names. */
const CODES: Partial<Record<ErrorCode, string>> = { prompt_too_long: 'context_length_exceeded' };

/** Whatever was thrown, as what the client is told. */
export function asFault(error: unknown): HttpFault {
  if (error instanceof HttpFault) return error;
  const { code, message } = asBambaError(error);
  // The message of a bug is no matter of clients; the server's own log has it.
  if (code === 'internal') return new HttpFault(500, 'The server failed: its log has the reason.', { code });
  return new HttpFault(STATUS[code] ?? 500, message, { code: CODES[code] ?? code });
}

function typeOf(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 429) return 'rate_limit_error';
  return status < 500 ? 'invalid_request_error' : 'server_error';
}
