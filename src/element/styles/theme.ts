// Colours, type and measures. A page around the element may set any of the --bamba-* properties on it.

import { css } from 'lit';

/** Custom properties of the element, in light and in dark. */
export const themeStyles = css`
  :host {
    --ground: var(--bamba-ground, #f8f6f1);
    --surface: var(--bamba-surface, #fffefb);
    --ink: var(--bamba-ink, #1c231f);
    --muted: var(--bamba-muted, #5b655e);
    --line: var(--bamba-line, #dfdbd0);
    --edge: var(--bamba-edge, #8b938c);
    --accent: var(--bamba-accent, #17664a);
    --on-accent: var(--bamba-on-accent, #ffffff);
    --tint: var(--bamba-tint, #e3ece3);
    --sunken: var(--bamba-sunken, #efece4);
    --danger: var(--bamba-danger, #9c2a1f);
    --danger-tint: var(--bamba-danger-tint, #f8e7e2);
    --shadow: 0 1px 2px rgb(40 45 35 / 6%), 0 6px 24px rgb(40 45 35 / 7%);
    --sans: var(--bamba-font, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Liberation Sans', Arial, sans-serif);
    --serif: var(
      --bamba-serif,
      'Iowan Old Style',
      'Palatino Linotype',
      Palatino,
      'Noto Serif',
      'Liberation Serif',
      serif
    );
    --mono: var(--bamba-mono, ui-monospace, 'SF Mono', 'Cascadia Mono', Consolas, 'Liberation Mono', monospace);
    --measure: var(--bamba-measure, 44rem);
    --gutter: max(1rem, env(safe-area-inset-left), env(safe-area-inset-right));
    color-scheme: light;
  }

  :host([data-colours='dark']) {
    --ground: var(--bamba-ground, #121614);
    --surface: var(--bamba-surface, #1a1f1c);
    --ink: var(--bamba-ink, #e6eae4);
    --muted: var(--bamba-muted, #9ba69e);
    --line: var(--bamba-line, #2b322e);
    --edge: var(--bamba-edge, #6b756e);
    --accent: var(--bamba-accent, #7fd4ab);
    --on-accent: var(--bamba-on-accent, #0b2317);
    --tint: var(--bamba-tint, #20312a);
    --sunken: var(--bamba-sunken, #1e2421);
    --danger: var(--bamba-danger, #ffb1a4);
    --danger-tint: var(--bamba-danger-tint, #371f1b);
    --shadow: 0 1px 2px rgb(0 0 0 / 30%), 0 6px 24px rgb(0 0 0 / 25%);
    color-scheme: dark;
  }
`;
