// Which settings hold for the chat that is open: its own, where it has some, else those of the model.

import type { ChatArchive } from '../chats/chat-archive.ts';
import type { ModelSettings } from '../models/model-settings.ts';
import type { OwnSettings } from './own-settings.ts';
import type { SettingOverrides } from './sampling-settings.ts';

/** The settings of the chat that is open. A setting is changed where it comes from. */
export class ScopedSettings implements OwnSettings {
  readonly #model: ModelSettings;
  readonly #archive: Pick<ChatArchive, 'own'>;

  constructor(model: ModelSettings, archive: Pick<ChatArchive, 'own'>) {
    this.#model = model;
    this.#archive = archive;
  }

  /** Whether the chat has settings of its own. */
  get own(): boolean {
    return this.#archive.own !== undefined;
  }

  /** Those that it begins with are what holds already; without them, it follows the model's again. */
  set own(own: boolean) {
    const { system, sampling } = this;
    if (own !== this.own) this.#archive.own = own ? { system, sampling } : undefined;
  }

  get system(): string {
    return this.#archive.own?.system ?? this.#model.system;
  }

  set system(system: string) {
    const { own } = this.#archive;
    if (own) this.#archive.own = { ...own, system };
    else this.#model.setSystem(system);
  }

  get sampling(): SettingOverrides {
    return this.#archive.own?.sampling ?? this.#model.overrides;
  }

  set sampling(sampling: SettingOverrides) {
    const { own } = this.#archive;
    if (own) this.#archive.own = { ...own, sampling };
    else this.#model.setOverrides(sampling);
  }

  /** Sets all at once. */
  use({ system, sampling }: OwnSettings): void {
    this.system = system;
    this.sampling = sampling;
  }
}
