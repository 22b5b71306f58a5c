// The model of an element, and its settings. The page says both; a person may choose otherwise, and the choice is
// remembered.

import type { ChatOptions } from '../chat-options.ts';
import { inFull, isSameChoice, readChoice, writeChoice, type ModelChoice } from './model-choice.ts';
import {
  readSettings,
  readSystem,
  writeSettings,
  writeSystem,
  type SettingOverrides,
} from '../settings/sampling-settings.ts';

/** The model of an element, and what a person has set for it. */
export class ModelSettings {
  /** The person's settings; they go before the page's. */
  overrides: SettingOverrides = {};
  readonly #page: ChatOptions;
  #chosen: ModelChoice | undefined;
  #system: string | undefined;

  /** @param page what the page has set */
  constructor(page: ChatOptions) {
    this.#page = page;
  }

  /** The model that runs, or is to run; an empty `model` where nobody has named one. */
  get choice(): ModelChoice {
    return this.#chosen ? inFull(this.#chosen) : this.own;
  }

  /** The page's own model; an empty `model` where it names none. */
  get own(): ModelChoice {
    const { model, dtype, revision } = this.#page;
    return inFull({ model, ...(dtype && { dtype }), ...(revision && { revision }) });
  }

  /** Said before every chat. */
  get system(): string {
    return this.#system ?? this.#page.system;
  }

  /** The page names a model. A choice of an earlier visit goes before it; what was chosen since does not. */
  reset(remembered: boolean): void {
    this.#chosen = remembered ? readChoice(this.#page.history) : undefined;
    this.#read();
  }

  /**
   * The person's choice has loaded. Only now is it remembered, so that no visit begins with a model that cannot be loaded.
   */
  keep(choice: ModelChoice): void {
    this.#chosen = choice;
    // Where the page's own model is chosen again, the page decides from now on.
    writeChoice(this.#page.history, isSameChoice(choice, this.own) ? undefined : choice);
    this.#read();
  }

  setOverrides(overrides: SettingOverrides): void {
    this.overrides = overrides;
    writeSettings(this.choice.model, overrides);
  }

  setSystem(system: string): void {
    this.#system = system;
    writeSystem(this.choice.model, system);
  }

  #read(): void {
    const { model } = this.choice;
    this.overrides = readSettings(model);
    this.#system = readSystem(model);
  }
}
