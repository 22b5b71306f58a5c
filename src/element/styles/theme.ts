// Colours, type and measures. A page around the element may set any of the --bamba-* properties on it.

import { css } from 'lit';

/** Custom properties of the element, in light and in dark. */
export const themeStyles = css`
  :host {
    --ground: var(--bamba-ground, light-dark(#f8f6f1, #121614));
    --surface: var(--bamba-surface, light-dark(#fffefb, #1a1f1c));
    --ink: var(--bamba-ink, light-dark(#1c231f, #e6eae4));
    --muted: var(--bamba-muted, light-dark(#5b655e, #9ba69e));
    --line: var(--bamba-line, light-dark(#dfdbd0, #2b322e));
    --edge: var(--bamba-edge, light-dark(#8b938c, #6b756e));
    --accent: var(--bamba-accent, light-dark(#17664a, #7fd4ab));
    --on-accent: var(--bamba-on-accent, light-dark(#ffffff, #0b2317));
    --tint: var(--bamba-tint, light-dark(#e3ece3, #20312a));
    --sunken: var(--bamba-sunken, light-dark(#efece4, #1e2421));
    --danger: var(--bamba-danger, light-dark(#9c2a1f, #ffb1a4));
    --danger-tint: var(--bamba-danger-tint, light-dark(#f8e7e2, #371f1b));
    --shadow:
      0 1px 2px light-dark(rgb(40 45 35 / 6%), rgb(0 0 0 / 30%)),
      0 6px 24px light-dark(rgb(40 45 35 / 7%), rgb(0 0 0 / 25%));
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
    color-scheme: light dark;
  }

  /* What a person or the page chose; else the system's hold, without a script. */
  :host([data-colours='light']) {
    color-scheme: light;
  }

  :host([data-colours='dark']) {
    color-scheme: dark;
  }
`;
