// The models of a chat: which one is loaded, which one comes back, and their names.

import type { ChatOptions } from '../chat-options.ts';
import type { ChatSession } from '../chat-session.ts';
import type { ModelState } from '../header.ts';
import type { LoadActions } from './loading-panel.ts';
import { fullName, inFull, type ModelChoice, shownName } from './model-choice.ts';
import type { ModelSettings } from './model-settings.ts';
import type { ModelOrder } from './model-switch.ts';
import type { ModelPreset } from './presets.ts';
import type { Suggestion } from '../suggestions.ts';

/** The parts that it works with. */
export interface ModelControlParts {
  /** The page's options. */
  page: ChatOptions;
  settings: ModelSettings;
  session: ChatSession;
  /** Returns to the input after a button. */
  refocus: () => void;
}

/** The models of one chat element. */
export class ModelControl {
  readonly #parts: ModelControlParts;

  constructor(parts: ModelControlParts) {
    this.#parts = parts;
  }

  /** Whether the model at hand is the one that the page speaks of. */
  get isOwn(): boolean {
    const { page, settings } = this.#parts;
    if (page.engine) return true;
    return this.#atHand.model === settings.own.model;
  }

  /** Where the model stands, in the header's words. */
  get state(): ModelState {
    const { engine, failure, loading } = this.#parts.session.models;
    return engine ? 'ready' : loading ? 'loading' : failure ? 'failed' : 'idle';
  }

  /** The name of the model at hand, until the model says its own. */
  get name(): string {
    return this.nameOf(this.#atHand);
  }

  /** The known facts about the model at hand before it is loaded. */
  get preset(): ModelPreset | undefined {
    const { model } = this.#atHand;
    return this.#parts.page.presets.find((preset) => fullName(preset.model) === fullName(model));
  }

  /**
   * Questions for the model at hand. Those of the page are for the page's own model. A package brings its own; until it is
   * loaded, those of its preset stand for them.
   */
  get suggestions(): readonly Suggestion[] {
    const { page, session } = this.#parts;
    if (this.isOwn && page.suggestions.length > 0) return page.suggestions;
    return session.info?.model.suggestions ?? this.preset?.suggestions ?? [];
  }

  /** The name of a model. */
  nameOf(choice: ModelChoice): string {
    return shownName(choice, this.#parts.page.presets);
  }

  /** Loads what failed; else what the page says, or a person has chosen. */
  load(): void {
    const { models } = this.#parts.session;
    if (!models.engine && models.failure) models.retry();
    else this.loadOwn();
  }

  /** Loads what the page says, or a person has chosen, in the place of whatever is there. */
  loadOwn(): void {
    const { page, session, settings } = this.#parts;
    const { choice } = settings;
    if (page.engine) session.models.use(page.engine);
    else if (choice.model === '') session.models.dispose();
    else session.models.load(this.#orderOf(choice));
  }

  /** A person chooses a model: what runs goes on until that one is ready. */
  choose(choice: ModelChoice): void {
    const { refocus, session } = this.#parts;
    session.models.change(this.#orderOf(inFull(choice)));
    refocus();
  }

  /** The chosen model has loaded: the choice is kept for the next visit. */
  keep({ options: { model, dtype, revision, files } }: ModelOrder): void {
    const choice = { model, ...(dtype && { dtype }), ...(revision !== undefined && { revision }) };
    this.#parts.settings.keep({ ...choice, ...(files && { files }) });
  }

  /** The actions of the buttons on the cards. */
  actions(openModels: (() => void) | undefined): LoadActions {
    const { refocus, session } = this.#parts;
    const { models } = session;
    return {
      load: () => this.load(),
      cancel: () => {
        models.cancel();
        if (models.idle) session.takeBackQueued();
        refocus();
      },
      retry: () => models.retry(),
      retryAlone: () => models.retryAlone(),
      back: this.#wayBack(),
      downloadBytes: this.preset?.downloadBytes,
      openModels,
    };
  }

  /** The model that runs, or is to run. */
  get #atHand(): ModelChoice {
    const { session, settings } = this.#parts;
    return session.models.order?.options ?? settings.choice;
  }

  /** The model to return to: the running one, else a person's earlier choice, else the page's own. */
  #wayBack(): LoadActions['back'] {
    const { refocus, session, settings } = this.#parts;
    const { engine, failure } = session.models;
    if (engine) {
      const dismiss = (): void => {
        session.models.dismiss();
        refocus();
      };
      return failure && { name: engine.info.model.name, run: dismiss };
    }
    const missing = this.#atHand.model;
    const target = [settings.choice, settings.own].find(({ model }) => model !== '' && model !== missing);
    return target && { name: this.nameOf(target), run: () => this.choose(target) };
  }

  #orderOf(choice: ModelChoice): ModelOrder {
    const { contextLength, createEngine, shareAcrossTabs } = this.#parts.page;
    const options = {
      ...choice,
      ...(contextLength && { contextLength }),
      ...(shareAcrossTabs && { shareAcrossTabs }),
    };
    return { create: createEngine, options };
  }
}
