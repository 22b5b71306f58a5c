// Everything that a page can set on `<bamba-chat>`: attributes, and the properties behind them.

import type { Engine, Scheme } from '../engine/protocol.ts';
import { createDefaultEngine } from './default-engine.ts';
import type { CreateEngine } from './engines.ts';
import { SafeElement } from './last-resort.ts';
import type { Theme } from './settings/preferences.ts';
import { type ModelPreset, PRESETS } from './models/presets.ts';
import { SETTING_FIELDS, type SettingOverrides } from './settings/sampling-settings.ts';
import type { Suggestion } from './suggestions.ts';

/** Parts of the chat that a page can do without. */
export type ChatPart = 'history' | 'models' | 'settings';

/** The options of the chat; how they are shown is `BambaChat`'s. */
export class ChatOptions extends SafeElement {
  /** @internal */
  static override properties = {
    model: {},
    dtype: {},
    revision: {},
    contextLength: { type: Number, attribute: 'context-length' },
    shareAcrossTabs: { type: Boolean, attribute: 'share-across-tabs' },
    preload: {},
    system: {},
    placeholder: {},
    history: {},
    without: {},
    hash: { type: Boolean },
    theme: {},
    temperature: { type: Number },
    topP: { type: Number, attribute: 'top-p' },
    minP: { type: Number, attribute: 'min-p' },
    topK: { type: Number, attribute: 'top-k' },
    repetitionPenalty: { type: Number, attribute: 'repetition-penalty' },
    presencePenalty: { type: Number, attribute: 'presence-penalty' },
    frequencyPenalty: { type: Number, attribute: 'frequency-penalty' },
    seed: { type: Number },
    maxTokens: { type: Number, attribute: 'max-tokens' },
    suggestions: { attribute: false },
    presets: { attribute: false },
    engine: { attribute: false },
    createEngine: { attribute: false },
  };

  /** The model until a person chooses another: a repository `org/name`, or the address of a folder, relative to the page. */
  declare model: string;
  /** How a checkpoint's matrices are stored: `int4`, `int8`, `fp8`, `f16` or `f32`. */
  declare dtype: Scheme | undefined;
  /** Branch, tag or commit of a repository. */
  declare revision: string | undefined;
  /** Tokens of prompt and answer together, at most. */
  declare contextLength: number | undefined;
  /** Whether tabs of this site that show the same model use one engine together. */
  declare shareAcrossTabs: boolean;
  /** `auto` loads the model at once; `none` waits for the first question, or for `load()`. */
  declare preload: 'auto' | 'none';
  /** The system prompt, sent before every chat, unless a person writes another. */
  declare system: string;
  /** Shown in the empty input. */
  declare placeholder: string;
  /** Name of the list of chats; elements with the same name share one. */
  declare history: string;
  /** Parts to leave out, separated by spaces: `history`, `models`, `settings`. */
  declare without: string;
  /** Whether the chat that is open has an address in the page's hash, `#chat=ID`; off, the hash is the page's alone. */
  declare hash: boolean;
  /** `light`, `dark` or `auto`, which follows the system; until a person chooses. */
  declare theme: Theme;
  /** 0 takes the likeliest token; above 0 samples. */
  declare temperature: number | undefined;
  /** Keeps the likeliest tokens whose probabilities reach this sum. */
  declare topP: number | undefined;
  /** Keeps tokens at least this fraction as likely as the likeliest. */
  declare minP: number | undefined;
  /** Keeps this many of the likeliest tokens. */
  declare topK: number | undefined;
  /** Above 1 discourages tokens of prompt and answer. */
  declare repetitionPenalty: number | undefined;
  /** Discourages tokens that the answer has used. */
  declare presencePenalty: number | undefined;
  /** Discourages tokens each time that the answer has used them. */
  declare frequencyPenalty: number | undefined;
  /** Makes sampling repeatable. */
  declare seed: number | undefined;
  /** Tokens after which an answer is cut off. */
  declare maxTokens: number | undefined;
  /** Questions offered in an empty chat; a list is a question with those that follow, each offered after an answer. */
  declare suggestions: readonly Suggestion[];
  /** Models to choose from. */
  declare presets: readonly ModelPreset[];
  /** An engine that the page has made, and disposes of; instead of `model`. */
  declare engine: Engine | undefined;
  /** Makes engines; this library's own unless another is given. */
  declare createEngine: CreateEngine;

  constructor() {
    super();
    this.model = '';
    this.shareAcrossTabs = false;
    this.preload = 'auto';
    this.system = '';
    this.placeholder = '';
    this.history = '';
    this.without = '';
    this.hash = false;
    this.theme = 'auto';
    this.suggestions = [];
    this.presets = PRESETS;
    this.createEngine = createDefaultEngine;
  }

  /** @internal Whether a part is there. */
  protected has(part: ChatPart): boolean {
    return !this.without.split(/\s+/).includes(part);
  }

  /** @internal The sampling settings that the page has set. */
  protected get pageSettings(): SettingOverrides {
    const settings: SettingOverrides = {};
    for (const { name } of SETTING_FIELDS) {
      const value = this[name];
      if (value !== undefined && value !== null) settings[name] = value;
    }
    return settings;
  }
}
