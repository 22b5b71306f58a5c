import type { EngineInfo, Usage } from '../engine/protocol.ts';
import { adapterName } from '../engine/adapter-name.ts';
import { formatInteger, formatRate, formatSeconds } from './format.ts';

/** The line under the input: what computes, and what the last answer took. */
export function statusLine(info: EngineInfo | undefined, usage: Usage | undefined): string {
  if (!info) return '';
  const facts = [adapterName(info.adapter)];
  if (usage) {
    const cached = usage.cachedTokens > 0 ? `, ${formatInteger(usage.cachedTokens)} cached` : '';
    facts.push(
      `${formatInteger(usage.promptTokens)} prompt tokens${cached}`,
      formatRate(usage.decodeTokensPerS),
      `first token after ${formatSeconds(usage.timeToFirstTokenS)}`,
    );
  }
  return facts.filter(Boolean).join(' · ');
}
