import { MAX_NESTING } from './budget.ts';
import { TemplateFault, TemplateOverrun } from './faults.ts';
import type { Token } from './lexer.ts';

/** Tokens in order, with what parsers ask of them. */
export class TokenStream {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  /** @param tokens whose last one is `end` */
  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get current(): Token {
    return this.#tokens[this.#at]!;
  }

  /** Whether the next token is an operator or bracket, or a name, such as `name:in`. */
  is(kind: string): boolean {
    return matches(this.current, kind);
  }

  /** Whether the token after the next one is such. */
  isThen(kind: string): boolean {
    const token = this.#tokens[this.#at + 1];
    return token !== undefined && matches(token, kind);
  }

  next(): Token {
    const token = this.current;
    if (token.type !== 'end') this.#at++;
    return token;
  }

  skip(kind: string): boolean {
    const found = this.is(kind);
    if (found) this.next();
    return found;
  }

  expect(kind: string): Token {
    return this.is(kind) ? this.next() : this.fail(`"${kind.replace('name:', '')}" is expected`);
  }

  fail(reason: string): never {
    const { type, text, line } = this.current;
    const found = type === 'end' ? 'its end' : JSON.stringify(text.slice(0, 40));
    throw new TemplateFault(`line ${line} is no Jinja, as ${reason} at ${found}`);
  }

  /** Reads something inside of something else. */
  inside<Node>(read: () => Node): Node {
    this.checkDepth(++this.#depth);
    const node = read();
    this.#depth--;
    return node;
  }

  /** Refuses what would take too many calls inside each other, here or when it is evaluated. */
  checkDepth(depth: number): void {
    if (depth <= MAX_NESTING) return;
    throw new TemplateOverrun(`line ${this.current.line} nests more than ${MAX_NESTING} deep`);
  }
}

function matches({ type, text }: Token, kind: string): boolean {
  return kind.startsWith('name:') ? type === 'name' && text === kind.slice(5) : type === kind;
}
