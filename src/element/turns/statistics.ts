// The statistics of an answer, in words. It is shown under the answer that it belongs to, where a person asks for it.

import type { ReactiveController, ReactiveControllerHost } from 'lit';
import type { Usage } from '../../engine/protocol.ts';
import { formatCount, formatInteger, formatRate, formatSeconds } from '../format.ts';
import { readSwitch, writePreference } from '../settings/preferences.ts';

/**
 * The statistics of one answer.
 *
 * @example
 * statisticsOf(usage); // ['76 tokens read, 44 kept from before', 'first after 0.118 s', '10 tokens written, 58.3 tokens/s']
 */
export function statisticsOf(usage: Usage): string[] {
  const { promptTokens, cachedTokens, completionTokens, timeToFirstTokenS, decodeTokensPerS } = usage;
  const kept = cachedTokens > 0 ? `, ${formatInteger(cachedTokens)} kept from before` : '';
  const rate = formatRate(decodeTokensPerS);
  return [
    `${formatCount(promptTokens - cachedTokens, 'token')} read${kept}`,
    timeToFirstTokenS > 0 ? `first after ${formatSeconds(timeToFirstTokenS)}` : '',
    `${formatCount(completionTokens, 'token')} written${rate && `, ${rate}`}`,
  ].filter(Boolean);
}

const KEY = 'bamba-chat:statistics';

/** Whether a person wants to see statistics; remembered from visit to visit. */
export class StatisticsSwitch implements ReactiveController {
  on = false;
  readonly #host: ReactiveControllerHost;

  /** @param host redrawn when `on` changes */
  constructor(host: ReactiveControllerHost) {
    this.#host = host;
    host.addController(this);
  }

  hostConnected(): void {
    this.on = readSwitch(KEY, false);
  }

  readonly toggle = (): void => {
    this.on = !this.on;
    writePreference(KEY, this.on ? true : undefined);
    this.#host.requestUpdate();
  };
}
