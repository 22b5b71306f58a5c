import type { CommentPart, Parameter, Reflection, Signature, Type } from './reflection.ts';
import { textOf } from './reflection.ts';

// Types as TypeScript, for code blocks, or as code with links, for running text.

/** Writes the pieces of a type: what is code, and what names a declaration. */
export interface TypeWriter {
  readonly code: (text: string) => string;
  readonly name: (name: string, target: number | object) => string;
}

/** Plain TypeScript. */
export const PLAIN: TypeWriter = { code: (text) => text, name: (name) => name };

/** A type in the manner of `writer`. */
export function typeText(type: Type | undefined, writer: TypeWriter = PLAIN): string {
  const { code } = writer;
  const write = (inner: Type | undefined) => typeText(inner, writer);
  const list = (types: readonly Type[], by: string) => types.map(write).join(code(by));
  switch (type?.type) {
    case undefined:
      return code('void');
    case 'intrinsic':
    case 'unknown':
      return code(type.name);
    case 'literal':
      return code(typeof type.value === 'string' ? `'${type.value}'` : String(type.value));
    case 'templateLiteral': {
      const parts = type.tail.map(([inner, text]) => `\${${typeText(inner)}}${text}`);
      return code(`'${type.head}${parts.join('')}'`);
    }
    case 'reference': {
      const given = type.typeArguments?.filter((argument) => !isDefaulted(argument)) ?? [];
      const name = writer.name(type.name, type.target);
      return given.length > 0 ? `${name}${code('<')}${list(given, ', ')}${code('>')}` : name;
    }
    case 'array':
      return compound(type.elementType)
        ? `${code('(')}${write(type.elementType)}${code(')[]')}`
        : `${write(type.elementType)}${code('[]')}`;
    case 'union':
      return type.elementSummaries && writer === PLAIN
        ? type.types.map((part, index) => remark(type.elementSummaries?.[index]) + `| ${write(part)}`).join('')
        : list(type.types, ' | ');
    case 'intersection':
      return type.types
        .map((part) => (part.type === 'union' ? `${code('(')}${write(part)}${code(')')}` : write(part)))
        .join(code(' & '));
    case 'typeOperator':
      return `${code(`${type.operator} `)}${write(type.target)}`;
    case 'indexedAccess':
      return `${write(type.objectType)}${code('[')}${write(type.indexType)}${code(']')}`;
    case 'query':
      return `${code('typeof ')}${write(type.queryType)}`;
    case 'tuple':
      return `${code('[')}${list(type.elements ?? [], ', ')}${code(']')}`;
    case 'namedTupleMember':
      return type.element.type === 'rest'
        ? `${code(`...${type.name}: `)}${write(type.element.elementType)}`
        : `${code(`${type.name}${type.isOptional ? '?' : ''}: `)}${write(type.element)}`;
    case 'rest':
      return `${code('...')}${write(type.elementType)}`;
    case 'reflection':
      return objectText(type.declaration, writer);
    default:
      throw new Error(`The reference cannot show a type ${JSON.stringify(type)}.`);
  }
}

/** A call, from its parameters on: `(a: string, b?: number): void`, with `=>` as `returns` where it is a type. */
export function signatureText(signature: Signature, writer = PLAIN, returns = ': '): string {
  return `${parametersText(signature, writer)}${writer.code(returns)}${typeText(signature.type, writer)}`;
}

/** The parameters of a call, in brackets. */
export function parametersText({ parameters = [] }: Signature, writer = PLAIN): string {
  const { code } = writer;
  return `${code('(')}${parameters.map((one) => parameterText(one, writer)).join(code(', '))}${code(')')}`;
}

/** Whether a parameter can be left out. */
export function isOptional({ flags, defaultValue }: Parameter): boolean {
  return flags.isOptional === true || defaultValue !== undefined;
}

/** A name for a parameter that is taken apart where it is declared. */
export function parameterName({ name }: Pick<Parameter, 'name'>): string {
  return name === '__namedParameters' ? 'options' : name;
}

function parameterText(parameter: Parameter, writer: TypeWriter): string {
  const rest = parameter.flags.isRest ? '...' : '';
  const optional = isOptional(parameter) ? '?' : '';
  return `${writer.code(`${rest}${parameterName(parameter)}${optional}: `)}${typeText(parameter.type, writer)}`;
}

function objectText(
  { children, signatures, indexSignatures }: Reflection & { indexSignatures?: Signature[] },
  writer: TypeWriter,
): string {
  const { code } = writer;
  const [call] = signatures ?? [];
  if (call && !children) return signatureText(call, writer, ' => ');
  const members = [
    ...(signatures ?? []).map((signature) => signatureText(signature, writer)),
    ...(indexSignatures ?? []).map(
      ({ parameters: [key] = [], type }) =>
        `${code(`[${key?.name}: `)}${typeText(key?.type, writer)}${code(']: ')}${typeText(type, writer)}`,
    ),
    ...(children ?? []).map((child) => memberText(child, writer)),
  ];
  return members.length > 0 ? `${code('{ ')}${members.join(code('; '))}${code(' }')}` : code('{}');
}

function memberText(member: Reflection, writer: TypeWriter): string {
  const { name, flags, type, signatures, comment } = member;
  const readonly = flags.isReadonly ? 'readonly ' : '';
  const key = `${readonly}${/^[\w$]+$/.test(name) ? name : `'${name}'`}${flags.isOptional ? '?' : ''}`;
  const said = note(comment?.summary, writer);
  const [call] = signatures ?? [];
  if (call) return said + writer.code(key) + signatureText(call, writer);
  return said + writer.code(`${key}: `) + typeText(type, writer);
}

/** The comment of a union's part, as lines before it. */
function remark(said: readonly CommentPart[] | undefined): string {
  const lines = textOf(said).match(/\S.{0,95}(?=\s|$)/g) ?? [];
  return `\n${lines.map((line) => `// ${line}\n`).join('')}`;
}

/** The comment of a member, in plain code. */
function note(said: readonly CommentPart[] | undefined, writer: TypeWriter): string {
  const text = textOf(said);
  return text === '' || writer !== PLAIN ? '' : `/** ${text} */ `;
}

/** `AsyncIterable<X, any, any>`: what everybody leaves out. */
function isDefaulted(type: Type): boolean {
  return type.type === 'intrinsic' && type.name === 'any';
}

function compound({ type }: Type): boolean {
  return type === 'union' || type === 'intersection' || type === 'typeOperator';
}
