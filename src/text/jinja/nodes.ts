// The nodes of a template that was read.

/** Arguments of a call, a filter or a test. */
export interface Arguments {
  readonly list: readonly Expression[];
  readonly named: readonly (readonly [string, Expression])[];
  readonly spread: Expression | null;
  readonly spreadNamed: Expression | null;
}

export type BinaryOperator = '+' | '-' | '*' | '/' | '//' | '%' | '**';
export type CompareOperator = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | 'not in';

export type Expression =
  | { readonly type: 'constant'; readonly value: string | bigint | number | boolean | null }
  | { readonly type: 'name'; readonly name: string }
  | { readonly type: 'list' | 'tuple'; readonly items: readonly Expression[] }
  | { readonly type: 'dict'; readonly pairs: readonly (readonly [Expression, Expression])[] }
  | { readonly type: 'attribute'; readonly of: Expression; readonly name: string }
  | { readonly type: 'item'; readonly of: Expression; readonly key: Expression }
  | { readonly type: 'slice'; readonly bounds: readonly (Expression | null)[] }
  | { readonly type: 'call'; readonly of: Expression; readonly with: Arguments }
  | { readonly type: 'filter'; readonly of: Expression | null; readonly name: string; readonly with: Arguments }
  | { readonly type: 'test'; readonly of: Expression; readonly name: string; readonly with: Arguments }
  | { readonly type: 'unary'; readonly operator: '-' | '+' | 'not'; readonly of: Expression }
  | {
      readonly type: 'binary';
      readonly operator: BinaryOperator | 'and' | 'or';
      readonly left: Expression;
      readonly right: Expression;
    }
  | { readonly type: 'concat'; readonly parts: readonly Expression[] }
  | {
      readonly type: 'compare';
      readonly first: Expression;
      readonly rest: readonly (readonly [CompareOperator, Expression])[];
    }
  | {
      readonly type: 'condition';
      readonly test: Expression;
      readonly holds: Expression;
      readonly otherwise: Expression | null;
    };

/** The target of an assignment: a name, a member of a namespace, or several of them. */
export type Target =
  | { readonly type: 'variable'; readonly name: string }
  | { readonly type: 'member'; readonly of: string; readonly name: string }
  | { readonly type: 'tuple'; readonly items: readonly Target[] };

/** The parameters and the body of a macro, or of a call block. */
export interface MacroNode {
  readonly name: string | null;
  readonly parameters: readonly string[];
  /** Of the last parameters. */
  readonly defaults: readonly Expression[];
  readonly body: readonly Statement[];
  /** Which of the names that a macro has besides its parameters the body reads: `caller`, `kwargs`, `varargs`. */
  readonly reads: ReadonlySet<string>;
}

export type Statement =
  | { readonly type: 'data'; readonly text: string }
  | { readonly type: 'output'; readonly value: Expression }
  | { readonly type: 'set'; readonly target: Target; readonly value: Expression }
  | {
      readonly type: 'set block';
      readonly target: Target;
      readonly filter: Expression | null;
      readonly body: readonly Statement[];
    }
  | {
      readonly type: 'if';
      readonly branches: readonly (readonly [Expression, readonly Statement[]])[];
      readonly otherwise: readonly Statement[];
    }
  | {
      readonly type: 'for';
      readonly target: Target;
      readonly of: Expression;
      readonly test: Expression | null;
      readonly recursive: boolean;
      readonly body: readonly Statement[];
      readonly otherwise: readonly Statement[];
      /** Whether the body says `loop`. */
      readonly usesLoop: boolean;
    }
  | { readonly type: 'break' | 'continue' }
  | { readonly type: 'macro'; readonly macro: MacroNode }
  | { readonly type: 'call block'; readonly call: Expression; readonly macro: MacroNode }
  | { readonly type: 'filter block'; readonly filter: Expression; readonly body: readonly Statement[] }
  | {
      readonly type: 'with';
      readonly targets: readonly Target[];
      readonly values: readonly Expression[];
      readonly body: readonly Statement[];
    }
  /** Marks what an assistant wrote, for training; a scope of its own. */
  | { readonly type: 'generation'; readonly body: readonly Statement[] };

/** Every expression and statement directly inside of one. */
export function* childrenOf(node: Expression | Statement | MacroNode | Arguments): Generator<Expression | Statement> {
  for (const value of Object.values(node)) yield* nodesIn(value);
}

function* nodesIn(value: unknown): Generator<Expression | Statement> {
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) for (const item of value as unknown[]) yield* nodesIn(item);
  else if ('type' in value) yield value as Expression | Statement;
  else for (const item of Object.values(value)) yield* nodesIn(item);
}

/** Whether a name is read anywhere inside. */
export function readsName(nodes: readonly (Expression | Statement)[], name: string): boolean {
  return nodes.some((node) => (node.type === 'name' && node.name === name) || readsName([...childrenOf(node)], name));
}
