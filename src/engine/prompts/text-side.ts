import { BambaError } from '../../errors.ts';
import { type GenerationDefaults, readGenerationConfig } from '../../generate/sampling.ts';
import type { PackageSource } from '../../storage/packages/package-source.ts';
import { ChatTemplate, encodePrompt, readChatTemplate, readToolTemplate } from '../../text/chat-template.ts';
import { createTokenizer, type Tokenizer } from '../../text/tokenizer.ts';
import { parseJsonFile } from '../../text/tokenizer-files.ts';
import type { PackageFile } from '../../weights/manifest.ts';
import { endIds } from './end-ids.ts';
import type { ParsedRequest } from './request.ts';

/** The parts of a request that the model reads. */
type PromptParts = Pick<ParsedRequest, 'input' | 'tools'>;

/** The tokens of a prompt. */
export interface Prompt {
  readonly ids: readonly number[];
  /**
   * How many ids its first messages take; null where that cannot be told, and of a text.
   * @throws BambaError `aborted`
   */
  endOf(messages: number): Promise<number | null>;
}

interface TextFiles {
  tokenizer: Tokenizer;
  template: ChatTemplate;
  defaults: GenerationDefaults;
  stopIds: number[];
  warnings: string[];
}

/** Text of a model: its tokenizer, chat template and defaults, from the package's files. */
export class TextSide {
  readonly tokenizer: Tokenizer;
  readonly template: ChatTemplate;
  readonly defaults: GenerationDefaults;
  readonly stopIds: readonly number[];
  /** Sentences on values of the files that could not be used, with the values that count in their place. */
  readonly warnings: readonly string[];

  private constructor({ tokenizer, template, defaults, stopIds, warnings }: TextFiles) {
    this.tokenizer = tokenizer;
    this.template = template;
    this.defaults = defaults;
    this.stopIds = stopIds;
    this.warnings = warnings;
  }

  /** @throws BambaError `config_invalid`, `unsupported_model`, and what the source throws. */
  static async load(source: PackageSource): Promise<TextSide> {
    const { files } = source.manifest;
    const decoder = new TextDecoder();
    const json = async (name: PackageFile) =>
      files[name] ? parseJsonFile(decoder.decode(await source.file(name)), name) : undefined;
    const tokenizerConfig = await json('tokenizer_config.json');
    const tokenizer = createTokenizer(await json('tokenizer.json'), tokenizerConfig);
    const warnings: string[] = [];
    // A help, and no part of the model: what cannot be read is as good as absent.
    const optional = (name: 'generation_config.json' | 'special_tokens_map.json') =>
      json(name).catch((error: unknown) => {
        if (!(error instanceof BambaError && error.code === 'config_invalid')) throw error;
        warnings.push(`${error.message} Until then it counts as absent.`);
      });
    const defaults = readGenerationConfig(await optional('generation_config.json'));
    const templateFile = files['chat_template.jinja'] ? decoder.decode(await source.file('chat_template.jinja')) : null;
    const specialTokens = await optional('special_tokens_map.json');
    const ends = endIds({ defaults, config: source.manifest.stopIds ?? [], tokenizer, specialTokens });
    return new TextSide({
      tokenizer,
      template: new ChatTemplate(
        readChatTemplate(tokenizerConfig, templateFile),
        tokenizer,
        readToolTemplate(tokenizerConfig, templateFile),
      ),
      defaults,
      stopIds: ends.ids,
      warnings: [...warnings, ...defaults.warnings, ...ends.warnings],
    });
  }

  /** The ids of what a request has the model read. @throws BambaError `template_failed`, `aborted`. */
  async encode(parsed: PromptParts, signal: AbortSignal | undefined): Promise<readonly number[]> {
    return (await this.prompt(parsed, signal)).ids;
  }

  /** As `encode`, with where messages end in it. @throws BambaError as `encode`. */
  async prompt({ input, tools }: PromptParts, signal: AbortSignal | undefined): Promise<Prompt> {
    if (!('messages' in input)) {
      const { prompt, addSpecialTokens } = input;
      const ids =
        typeof prompt === 'string' ? await encodePrompt(this.tokenizer, prompt, { addSpecialTokens, signal }) : prompt;
      return { ids, endOf: async () => null };
    }
    return this.template.promptInSlices(input.messages, {
      addGenerationPrompt: !input.continueLast && !input.readAhead,
      continueLast: input.continueLast,
      tools,
      signal,
    });
  }
}
