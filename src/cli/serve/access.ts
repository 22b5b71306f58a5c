import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { HttpFault } from './fault.ts';

/** Who may ask. */
export interface Access {
  /** What requests have to bring as `Authorization: Bearer KEY`. */
  apiKey?: string | undefined;
  /** Whether requests may name any host: those from other machines do. */
  anyHost: boolean;
}

/** Whether an address is of this machine alone. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  if (name === 'localhost' || name.endsWith('.localhost') || name === '::1') return true;
  return isIP(name) === 4 && name.startsWith('127.');
}

/**
 * Refuses who may not ask.
 * @throws HttpFault 403 for a page elsewhere that has its own name point to this machine; 401 for another key, or none
 */
export function checkAccess({ headers }: IncomingMessage, { apiKey, anyHost }: Access): void {
  const host = (headers.host ?? '').replace(/:\d+$/, '');
  if (!anyHost && !isLoopback(host)) {
    throw new HttpFault(403, `This server answers to localhost, not to ${JSON.stringify(host)}. Start it with --host.`);
  }
  if (apiKey === undefined) return;
  const [, given = ''] = /^Bearer\s+(.*)$/i.exec(headers.authorization ?? '') ?? [];
  if (timingSafeEqual(digest(given), digest(apiKey))) return;
  throw new HttpFault(401, 'The API key is missing or wrong. Send the header Authorization: Bearer KEY.', {
    code: 'invalid_api_key',
    headers: { 'www-authenticate': 'Bearer' },
  });
}

/** Of equal lengths, whatever the texts are: comparing them takes the same time for all. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
