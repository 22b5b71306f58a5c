// TypeDoc's JSON of a declaration, as far as the reference shows it.

/** TypeDoc's numbers for kinds of declarations. */
export const Kind = {
  Project: 1,
  Module: 2,
  Function: 64,
  Class: 128,
  Interface: 256,
  Constructor: 512,
  Property: 1024,
  Method: 2048,
  Accessor: 262_144,
  TypeAlias: 2_097_152,
  Reference: 4_194_304,
} as const;

/** A piece of a comment: text, or code with its backticks. */
export interface CommentPart {
  kind: string;
  text: string;
}

/** A comment: what is said first, and what follows under tags such as `@throws`. */
export interface Comment {
  summary: CommentPart[];
  blockTags?: { tag: string; content: CommentPart[] }[];
}

/** A parameter of a call. */
export interface Parameter {
  name: string;
  comment?: Comment;
  flags: { isOptional?: boolean; isRest?: boolean };
  type?: Type;
  defaultValue?: string;
}

/** One way to call a function. */
export interface Signature {
  name: string;
  comment?: Comment;
  typeParameters?: { name: string; type?: Type; default?: Type }[];
  parameters?: Parameter[];
  type?: Type;
}

/** A declaration: an entry, an export, or a member. */
export interface Reflection {
  id: number;
  name: string;
  kind: number;
  flags: { isOptional?: boolean; isReadonly?: boolean; isStatic?: boolean };
  comment?: Comment;
  children?: Reflection[];
  signatures?: Signature[];
  getSignature?: Signature;
  typeParameters?: { name: string; type?: Type; default?: Type }[];
  extendedTypes?: Type[];
  inheritedFrom?: unknown;
  type?: Type;
  /** Of a re-export: the id of what it is. */
  target?: number;
  sources?: { fileName: string }[];
}

/** A type, by `type`. */
export type Type =
  | { type: 'intrinsic' | 'unknown'; name: string }
  | { type: 'literal'; value: string | number | boolean | null }
  | { type: 'templateLiteral'; head: string; tail: [Type, string][] }
  | { type: 'reference'; name: string; target: number | object; typeArguments?: Type[] }
  | { type: 'array'; elementType: Type }
  | { type: 'union'; types: Type[]; elementSummaries?: CommentPart[][] }
  | { type: 'intersection'; types: Type[] }
  | { type: 'reflection'; declaration: Reflection & { indexSignatures?: Signature[] } }
  | { type: 'typeOperator'; operator: string; target: Type }
  | { type: 'indexedAccess'; objectType: Type; indexType: Type }
  | { type: 'query'; queryType: Type }
  | { type: 'tuple'; elements?: Type[] }
  | { type: 'namedTupleMember'; name: string; isOptional: boolean; element: Type }
  | { type: 'rest'; elementType: Type };

/** A comment's text; empty without one. */
export function textOf(parts: readonly CommentPart[] = []): string {
  return parts
    .map(({ text }) => text)
    .join('')
    .trim();
}

/** The text of a comment under a tag, once for each time that the tag is there. */
export function tagged(comment: Comment | undefined, tag: string): string[] {
  return (comment?.blockTags ?? []).filter((block) => block.tag === tag).map(({ content }) => textOf(content));
}

/** The declaration's comment, wherever TypeDoc keeps it. */
export function commentOf({ comment, getSignature, signatures }: Reflection): Comment | undefined {
  return comment ?? getSignature?.comment ?? signatures?.find((signature) => signature.comment)?.comment;
}
