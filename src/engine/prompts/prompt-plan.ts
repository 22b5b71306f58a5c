import { type Cut, cutsOf, NEAR_TOKENS } from '../../generate/cuts.ts';
import { type CacheMiss, missOf, type Resumption, type StateCache } from '../../generate/state-cache.ts';
import type { ParsedRequest } from './request.ts';
import type { Prompt } from './text-side.ts';
import { turnDigests } from './turn-digests.ts';

/** How the rest of a prompt is read. */
export interface PromptPlan {
  /** The places on the way where states are kept. */
  cuts: Cut[];
  /** Whether the prompt ends in the header of an answer, which a state is kept before. */
  hasHeader: boolean;
  /** Why tokens that were known once are read again; null where none are. */
  miss: CacheMiss | null;
}

/** The places of a prompt's messages, as far as they matter. */
interface Places {
  opening: number | null;
  start: number | null;
  end: number | null;
  /** Tokens that a prompt has in common with one that it is a changed version of, at least. */
  own: number;
}

/**
 * Plans the way through a prompt that is resumed. Messages are looked for only in what is read.
 * @param chunk tokens of a pass
 * @throws BambaError `aborted`
 */
export async function planPrompt(
  states: StateCache,
  prompt: Prompt,
  { input }: ParsedRequest,
  resumption: Resumption,
  chunk: number,
): Promise<PromptPlan> {
  const { position, known } = resumption;
  const total = prompt.ids.length;
  const places = await placesOf(prompt, input, resumption);
  const digests = 'messages' in input ? turnDigests(input.messages) : [];
  const miss = missOf(resumption, { own: places.own, ...states.known.ofTurns(digests, prompt.ids) });
  const junction = known?.left ? known.common : null;
  const cuts = cutsOf({ from: position, total, chunk, ...places, junction });
  return { cuts, hasHeader: places.end !== null && places.end < total, miss };
}

async function placesOf(
  prompt: Prompt,
  input: ParsedRequest['input'],
  { position, known }: Resumption,
): Promise<Places> {
  const total = prompt.ids.length;
  if (!('messages' in input)) return { opening: null, start: null, end: null, own: NEAR_TOKENS };
  const { messages, continueLast } = input;
  const end = continueLast ? null : await prompt.endOf(messages.length);
  const isUser = ({ role }: { role: string }) => role === 'user';
  const [first, last] = [messages.findIndex(isUser), messages.findLastIndex(isUser)];
  const seen = first < 0 || position + NEAR_TOKENS >= (end ?? total);
  const start = seen || last === first ? null : await prompt.endOf(last);
  const fresh = position === 0 && !seen;
  const opening = first >= 0 && (fresh || known?.edited) ? await prompt.endOf(first) : null;
  // A chat that shares its first message, or much of it, is the same one.
  let own = (opening ?? 0) + NEAR_TOKENS;
  if (known?.edited && known.common < own && first + 1 < messages.length) {
    own = Math.min(own, (await prompt.endOf(first + 1)) ?? Infinity);
  }
  return { opening, start, end, own };
}
