// The `post_processor` of tokenizer.json: what is put around the ids of a text.

import { BambaError } from '../../errors.ts';
import { Fields } from './fields.ts';

/** Lists of ids, which in the end stand in a row. */
type Parts = readonly (readonly number[])[];

/** @param addSpecialTokens whether tokens are added; their order may change all the same */
export type PostProcessor = (parts: Parts, addSpecialTokens: boolean) => Parts;

/**
 * @param value the part of tokenizer.json; null for none
 * @throws BambaError `config_invalid` for a post-processor that cannot be had
 */
export function createPostProcessor(value: unknown): PostProcessor {
  if (value === null) return (parts) => parts;
  const fields = new Fields(value, 'post-processor');
  switch (fields.type) {
    case 'Sequence': {
      const steps = fields.list('processors').map(createPostProcessor);
      return (parts, add) => steps.reduce((result, step) => step(result, add), parts);
    }
    case 'ByteLevel':
      // It changes only where tokens lie in the text.
      return (parts) => parts;
    case 'TemplateProcessing':
      return template(fields);
    case 'BertProcessing':
    case 'RobertaProcessing': {
      const [cls, sep] = [namedId(fields, 'cls'), namedId(fields, 'sep')];
      const isRoberta = fields.type === 'RobertaProcessing';
      const around = (part: readonly number[], index: number): number[] =>
        index === 0 ? [cls, ...part, sep] : [...(isRoberta ? [sep] : []), ...part, sep];
      return (parts, add) => (add ? parts.map(around) : parts);
    }
    default:
      throw fields.unknown();
  }
}

/** A piece of a template: a text's place among the parts, or the ids of special tokens. */
type Piece = number | readonly number[];

function template(fields: Fields): PostProcessor {
  const single = readTemplate(fields, 'single');
  const pair = readTemplate(fields, 'pair');
  if (single.includes(1)) throw fields.wrong('single');
  return (parts, add) => {
    const pieces = parts.length === 1 ? single : parts.length === 2 ? pair : null;
    if (pieces === null) {
      throw new BambaError(
        'unsupported_model',
        'The tokenizer of this model puts templates around templates, which is not supported. Take another model.',
      );
    }
    return pieces.flatMap((piece) => (typeof piece === 'number' ? [parts[piece]!] : add ? [piece] : []));
  };
}

function readTemplate(fields: Fields, name: string): Piece[] {
  const tokens = fields.value('special_tokens') as Record<string, { ids?: unknown }> | null;
  return fields.list(name).map((piece) => {
    const { Sequence: sequence, SpecialToken: special } = (piece ?? {}) as Record<string, { id?: unknown } | undefined>;
    if (sequence?.id === 'A') return 0;
    if (sequence?.id === 'B') return 1;
    const ids = typeof special?.id === 'string' ? tokens?.[special.id]?.ids : undefined;
    if (!Array.isArray(ids) || !ids.every(Number.isSafeInteger)) throw fields.wrong(name);
    return ids as number[];
  });
}

/** The id of `cls` or `sep`, which are pairs of a string and an id. */
function namedId(fields: Fields, name: string): number {
  const id: unknown = fields.list(name)[1];
  if (!Number.isSafeInteger(id)) throw fields.wrong(name);
  return id as number;
}
