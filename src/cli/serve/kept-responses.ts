import type { ChatCompletionMessageParam } from '../../api/openai-types.ts';
import { badRequest, HttpFault } from './fault.ts';

/** Answers that are kept by their ids, at most, and the characters of all their conversations. */
const MOST_KEPT = 1000;
const MOST_CHARACTERS = 2 ** 27;

/** A response as the API has it. */
export type ResponseObject = Readonly<Record<string, unknown>> & { id: string };

interface Kept {
  messages: readonly ChatCompletionMessageParam[];
  response: ResponseObject;
  characters: number;
}

/**
 * The conversations that answers belong to. Their texts are kept here, and the engine keeps their states. A request
 * that goes on from one reads its own tokens only, as long as the state has room.
 */
export class KeptResponses {
  readonly #kept = new Map<string, Kept>();
  #characters = 0;

  keep(response: ResponseObject, messages: readonly ChatCompletionMessageParam[]): void {
    const characters = JSON.stringify([messages, response]).length;
    this.#kept.set(response.id, { messages, response, characters });
    this.#characters += characters;
    for (const id of this.#kept.keys()) {
      if (this.#kept.size <= MOST_KEPT && this.#characters <= MOST_CHARACTERS) return;
      this.#drop(id);
    }
  }

  /** What was said up to an answer, and in it; nothing where no answer is named. @throws HttpFault 400. */
  messagesOf(id: string | null | undefined): readonly ChatCompletionMessageParam[] {
    if (id === null || id === undefined) return [];
    const kept = this.#kept.get(id);
    if (kept) return kept.messages;
    throw badRequest(`There is no response ${JSON.stringify(id)}: it was not stored, or it has made room for others.`, {
      code: 'previous_response_not_found',
      param: 'previous_response_id',
    });
  }

  /** @throws HttpFault 404. */
  find(id: string): ResponseObject {
    const kept = this.#kept.get(id);
    if (kept) return kept.response;
    throw new HttpFault(404, `There is no response ${JSON.stringify(id)}.`, { code: 'not_found' });
  }

  /** @throws HttpFault 404. */
  delete(id: string): { id: string; object: 'response'; deleted: true } {
    this.find(id);
    this.#drop(id);
    return { id, object: 'response', deleted: true };
  }

  #drop(id: string): void {
    this.#characters -= this.#kept.get(id)!.characters;
    this.#kept.delete(id);
  }
}
