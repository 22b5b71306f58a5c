import { html, render } from 'lit';

/** The addresses among these that are not of this site; relative ones are. */
export function foreignAddresses(addresses: readonly string[], page: string = location.href): string[] {
  return addresses
    .map((address) => (URL.canParse(address, page) ? new URL(address, page) : null))
    .filter((url) => url !== null)
    .filter(({ origin }) => origin !== new URL(page).origin)
    .map(({ href }) => href);
}

/**
 * Asks before the page loads models of other sites: a person who follows a link has not asked for them. Nothing is fetched
 * before.
 * @param addresses of the models
 * @param where the question stands
 * @returns a promise of the answer; it stays open until then
 */
export function askToLoad(addresses: readonly string[], where: HTMLElement): Promise<void> {
  return new Promise((resolve) => {
    const agree = () => {
      render(null, where);
      resolve();
    };
    const hosts = [...new Set(addresses.map((address) => new URL(address).host))].join(', ');
    const several = addresses.length > 1;
    render(
      html`<section class="consent" aria-labelledby="consent-title">
        <h2 id="consent-title">Load ${several ? `${addresses.length} models` : 'a model'} from ${hosts}?</h2>
        <p>The link that you followed asks this page to load and measure:</p>
        <ul>
          ${addresses.map((address) => html`<li><code>${address}</code></li>`)}
        </ul>
        <p>
          Nothing was loaded so far. ${hosts} would learn that you are here. The download may have several gigabytes:
          only that site knows the size of ${several ? 'the models' : 'the model'}. The weights stay on the GPU while
          they are measured. Nothing is stored.
        </p>
        <button type="button" @click=${agree}>Load and measure</button>
      </section>`,
      where,
    );
  });
}
