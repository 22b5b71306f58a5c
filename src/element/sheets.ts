// The two sheets over the chat: the models, and the settings.

import { html, type TemplateResult } from 'lit';
import { sentenceOf } from './faults.ts';
import type { ModelChoice } from './models/model-choice.ts';
import type { ModelSwitch } from './models/model-switch.ts';
import type { Theme } from './settings/preferences.ts';
import type { OwnSettings } from './settings/own-settings.ts';
import type { ModelPreset } from './models/presets.ts';
import type { SettingOverrides } from './settings/sampling-settings.ts';
import type { ScopedSettings } from './settings/scoped-settings.ts';

/** Options of the sheets. */
export interface SheetOptions {
  presets: readonly ModelPreset[];
  models: ModelSwitch;
  /** Whether models are looked at before they are loaded. */
  asks: boolean;
  settings: ScopedSettings;
  /** The page's own settings. */
  fallbacks: SettingOverrides;
  theme: Theme;
  choose: (event: CustomEvent<ModelChoice>) => void;
  /** Settings have changed. */
  changed: () => void;
  paint: (theme: Theme) => void;
  announce: (event: CustomEvent<string>) => void;
}

/** Draws both sheets; they open themselves. */
export function sheets(options: SheetOptions): TemplateResult {
  const { presets, models, asks, settings, fallbacks, theme, choose, changed, paint, announce } = options;
  const change = (act: () => void): void => (act(), changed());
  return html`<bamba-models
      .presets=${presets}
      .asks=${asks}
      .running=${models.engine && models.order?.options}
      .loading=${models.loading?.order.options}
      .failure=${models.failure && { choice: models.failure.order.options, sentence: sentenceOf(models.failure.fault) }}
      @bamba-choose=${choose}
      @bamba-announce=${announce}
    ></bamba-models>
    <bamba-settings
      .own=${settings.own}
      .overrides=${settings.sampling}
      .fallbacks=${fallbacks}
      .system=${settings.system}
      .info=${models.engine?.info}
      .theme=${theme}
      @bamba-scope=${({ detail }: CustomEvent<boolean>) => change(() => (settings.own = detail))}
      @bamba-use-settings=${({ detail }: CustomEvent<OwnSettings>) => change(() => settings.use(detail))}
      @bamba-system=${({ detail }: CustomEvent<string>) => change(() => (settings.system = detail))}
      @bamba-settings=${({ detail }: CustomEvent<SettingOverrides>) => change(() => (settings.sampling = detail))}
      @bamba-theme-choice=${(event: CustomEvent<Theme>) => paint(event.detail)}
    ></bamba-settings>`;
}
