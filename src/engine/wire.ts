import { BambaError, type ErrorCode } from '../errors.ts';

/** An error as it crosses between worker and page. */
export interface WireError {
  code: ErrorCode | null;
  message: string;
}

export function toWire(error: unknown): WireError {
  if (error instanceof BambaError) return { code: error.code, message: error.message };
  return { code: null, message: error instanceof Error ? `${error.name}: ${error.message}` : String(error) };
}

export function fromWire({ code, message }: WireError): Error {
  return code ? new BambaError(code, message) : new Error(message);
}
