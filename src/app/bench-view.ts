import { html, type TemplateResult } from 'lit';
import { isName, type Section, type Table } from '../bench/report.ts';

/** A report, as far as it goes. */
export function reportView(report: readonly Section[]): TemplateResult {
  return html`${report.map(sectionView)}`;
}

function sectionView({ title, facts, tables }: Section): TemplateResult {
  return html`<section>
    <h2>${title}</h2>
    ${facts.map((fact) => html`<p class="fact">${fact}</p>`)} ${tables.map(tableView)}
  </section>`;
}

export function tableView({ title, columns, rows }: Table): TemplateResult {
  const kind = (column: number) => (isName(columns, column) ? 'name' : 'number');
  return html`<div class="scroll" tabindex="0" role="group" aria-label=${title}>
    <table>
      <caption>
        ${title}
      </caption>
      <thead>
        <tr>
          ${columns.map((column, index) => html`<th scope="col" class=${kind(index)}>${column}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          ({ cells, ratio }) =>
            html`<tr>
              ${cells.map(
                (cell, index) =>
                  html`<td class=${kind(index)}>
                    ${cell}${ratio !== null && index === cells.length - 1 ? bar(ratio) : ''}
                  </td>`,
              )}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

/** The ratio to a ceiling; what is beyond it fills the bar. */
function bar(ratio: number): TemplateResult {
  const width = 60 * Math.min(1, Math.max(0, ratio || 0));
  return html`<svg class="bar" viewBox="0 0 60 8" width="60" height="8" aria-hidden="true">
    <rect class="track" width="60" height="8" rx="2" />
    <rect class="value" width=${width} height="8" rx="2" />
  </svg>`;
}
