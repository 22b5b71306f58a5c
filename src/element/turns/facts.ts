import { html, type TemplateResult } from 'lit';

/** Facts in one line, with points between them; where it is too long, it is broken between two facts only. */
export function factsLine(facts: readonly string[]): TemplateResult[] {
  return facts.map((fact, index) => html`<span class="fact">${fact}${index < facts.length - 1 ? ' ·' : ''}</span> `);
}
