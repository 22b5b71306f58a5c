/**
 * Tells the live sequence the tokens of an answer as they are reported: all but the last, which has not been fed.
 * @param state its tokens are the prompt at first
 */
export function feedReported(state: { readonly tokens: number[] }): (ids: readonly number[]) => void {
  let last: number | undefined;
  return (ids) => {
    for (const id of ids) {
      if (last !== undefined) state.tokens.push(last);
      last = id;
    }
  };
}
