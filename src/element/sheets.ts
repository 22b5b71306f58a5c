// What lies over the chat when it is asked for: the models, and the settings.

import { html, type TemplateResult } from 'lit';
import type { ModelChoice } from './model-choice.ts';
import type { ModelSettings } from './model-settings.ts';
import type { ModelSwitch } from './model-switch.ts';
import type { Theme } from './preferences.ts';
import type { ModelPreset } from './presets.ts';
import type { SettingOverrides } from './sampling-settings.ts';

/** What the sheets show and do. */
export interface SheetOptions {
  presets: readonly ModelPreset[];
  models: ModelSwitch;
  settings: ModelSettings;
  /** What the page has set. */
  fallbacks: SettingOverrides;
  theme: Theme;
  choose: (event: CustomEvent<ModelChoice>) => void;
  set: (event: CustomEvent<SettingOverrides>) => void;
  paint: (theme: Theme) => void;
  announce: (event: CustomEvent<string>) => void;
}

/** Draws both sheets; they open themselves. */
export function sheets(options: SheetOptions): TemplateResult {
  const { presets, models, settings, fallbacks, theme, choose, set, paint, announce } = options;
  return html`<bamba-models
      .presets=${presets}
      .running=${models.engine && models.order?.options}
      .loading=${models.loading?.order.options}
      .failure=${models.failure && { choice: models.failure.order.options, sentence: models.failure.fault.sentence }}
      @bamba-choose=${choose}
      @bamba-announce=${announce}
    ></bamba-models>
    <bamba-settings
      .overrides=${settings.overrides}
      .fallbacks=${fallbacks}
      .system=${settings.system}
      .info=${models.engine?.info}
      .theme=${theme}
      @bamba-system=${(event: CustomEvent<string>) => settings.setSystem(event.detail)}
      @bamba-settings=${set}
      @bamba-theme-choice=${(event: CustomEvent<Theme>) => paint(event.detail)}
    ></bamba-settings>`;
}
