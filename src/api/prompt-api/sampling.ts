import type { EngineInfo, SamplingSettings } from '../../engine/protocol.ts';
import { fault } from './faults.ts';
import type { LanguageModelCreateCoreOptions, LanguageModelParams, LanguageModelSamplingMode } from './types.ts';

/** The temperature of a mode, by the model's own. */
const MODES: Readonly<Record<LanguageModelSamplingMode, number>> = {
  'most-predictable': 0,
  predictable: 0.5,
  balanced: 1,
  creative: 1.25,
  'most-creative': 1.5,
};

/** Beyond this nearly every token is as likely as any. */
const MAX_TEMPERATURE = 2;
const MAX_TOP_K = 1024;

/** The sampling settings of a session. */
export interface SessionSampling {
  mode: LanguageModelSamplingMode;
  settings: Pick<SamplingSettings, 'temperature' | 'topK'>;
}

/** Bounds and defaults of a model. */
export function paramsOf({ sampling }: EngineInfo): LanguageModelParams {
  return {
    defaultTopK: sampling.topK,
    maxTopK: MAX_TOP_K,
    defaultTemperature: sampling.temperature,
    maxTemperature: MAX_TEMPERATURE,
  };
}

/**
 * Checks what can be checked without a model.
 * @throws TypeError for an unknown mode, and for a mode beside the numbers; RangeError for a temperature below 0 and a topK
 * below 1
 */
export function checkSampling({ samplingMode, temperature, topK }: LanguageModelCreateCoreOptions): void {
  if (samplingMode !== undefined && !Object.hasOwn(MODES, samplingMode)) {
    throw new TypeError(`samplingMode takes ${Object.keys(MODES).join(', ')}.`);
  }
  if (samplingMode !== undefined && (temperature ?? topK) !== undefined) {
    throw new TypeError('samplingMode says what temperature and topK are. Give it, or them.');
  }
  if (temperature !== undefined && !(temperature >= 0)) throw new RangeError('temperature is 0 or more.');
  if (topK !== undefined && !(topK >= 1)) throw new RangeError('topK is 1 or more.');
}

/** The sampling settings of a session with a model. */
export function samplingOf(
  { samplingMode: mode = 'balanced', temperature, topK }: LanguageModelCreateCoreOptions,
  { sampling }: EngineInfo,
): SessionSampling {
  const settings = {
    ...(temperature !== undefined && { temperature: Math.min(temperature, MAX_TEMPERATURE) }),
    ...(topK !== undefined && { topK: Math.floor(Math.min(topK, MAX_TOP_K)) }),
  };
  if (mode === 'balanced') return { mode, settings };
  // A model that takes the likeliest token by itself would stay there, whatever it is multiplied by.
  const own = sampling.temperature > 0 ? sampling.temperature : 1;
  return { mode, settings: { temperature: Math.min(own * MODES[mode], MAX_TEMPERATURE) } };
}

/** @throws DOMException `NotSupportedError` */
export function refuseExpected(): never {
  throw fault(
    'NotSupportedError',
    'This model takes and gives text, and calls the tools that it is given: nothing else.',
  );
}
