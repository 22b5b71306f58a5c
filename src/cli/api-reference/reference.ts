import { fence, slugs, table } from './markdown.ts';
import {
  commentOf,
  type Comment,
  Kind,
  type Reflection,
  type Signature,
  tagged,
  textOf,
  type Type,
} from './reflection.ts';
import { isOptional, parameterName, parametersText, signatureText, typeText, type TypeWriter } from './type-text.ts';

// The reference as Markdown: entry by entry, what each exports, from what TypeDoc read.

/** An entry of the package: how it is imported, and what TypeDoc calls it. */
export interface Entry {
  specifier: string;
  module: string;
}

const HEAD = `# API reference

All that the package exports, entry by entry. \`npm run docs\` writes this file from the types and their comments; the
[README](../README.md) is the manual.
`;

/** Exports in the order of these kinds, within them in that of the sources. */
const ORDER: readonly number[] = [Kind.Function, Kind.Class, Kind.Interface, Kind.TypeAlias, Kind.Reference];

/** Tags of an element's class, and what their tables are called. */
const ELEMENT_TAGS = [
  ['@fires', 'event'],
  ['@slot', 'slot'],
  ['@csspart', 'part'],
  ['@cssprop', 'custom property'],
] as const;

/**
 * The whole reference.
 * @param project what TypeDoc's JSON has at its root
 * @param entries in the order of the reference
 * @throws Error that names all exports, members and parameters without a sentence
 */
export function referenceOf(project: Reflection, entries: readonly Entry[]): string {
  return new Reference(project, entries).markdown();
}

/** The files, of those that TypeDoc read, that declare what is in the reference; sorted. */
export function declaringFiles(project: Reflection): string[] {
  const files = new Set<string>();
  const visit = ({ sources, children }: Reflection): void => {
    for (const { fileName } of sources ?? []) if (!fileName.includes('node_modules')) files.add(fileName);
    children?.forEach(visit);
  };
  visit(project);
  return [...files].toSorted();
}

class Reference {
  readonly #sections: { entry: Entry; module: Reflection; exports: Reflection[] }[];
  /** By id of what is declared. */
  readonly #anchors = new Map<number, string>();
  readonly #names = new Map<number, string>();
  readonly #silent: string[] = [];
  readonly #linked: TypeWriter = {
    code: (text) => `\`${text}\``,
    name: (name, target) => {
      const anchor = typeof target === 'number' ? this.#anchors.get(target) : undefined;
      return anchor === undefined ? this.#linked.code(name) : `[\`${name}\`](#${anchor})`;
    },
  };

  constructor(project: Reflection, entries: readonly Entry[]) {
    this.#sections = entries.map((entry) => {
      const module = project.children?.find(({ name }) => name === entry.module);
      if (!module) throw new Error(`TypeDoc found no entry ${entry.module}.`);
      const rank = ({ kind }: Reflection) => ORDER.indexOf(kind);
      return { entry, module, exports: (module.children ?? []).toSorted((a, b) => rank(a) - rank(b)) };
    });
    const slug = slugs();
    slug('API reference');
    for (const { entry, module, exports } of this.#sections) {
      this.#anchors.set(module.id, slug(entry.specifier));
      for (const one of exports.filter(({ kind }) => kind !== Kind.Reference)) {
        this.#anchors.set(one.id, slug(one.name));
        this.#names.set(one.id, one.name);
        for (const method of methodsOf(one)) slug(method.name);
      }
    }
  }

  markdown(): string {
    const contents = this.#sections.map(({ entry, module, exports }) => {
      const links = exports.map((one) => `[\`${one.name}\`](#${this.#anchors.get(one.target ?? one.id)})`);
      return `- [**${entry.specifier}**](#${this.#anchors.get(module.id)})${links.length > 0 ? ': ' : ''}${links.join(', ')}`;
    });
    const sections = this.#sections.map(({ entry, module, exports }) => {
      const about = this.#prose(module.comment, entry.specifier);
      return [`## ${entry.specifier}`, about, ...exports.map((one) => this.#declaration(one))].join('\n\n');
    });
    if (this.#silent.length > 0) {
      throw new Error(`The reference has no sentence for:\n${this.#silent.map((name) => `  ${name}\n`).join('')}`);
    }
    return `${[HEAD, contents.join('\n'), ...sections].join('\n\n')}\n`;
  }

  #declaration(one: Reflection): string {
    switch (one.kind) {
      case Kind.Function:
        return [`### ${one.name}`, ...this.#calls(one, one.name, one.name)].join('\n\n');
      case Kind.Class:
        return this.#class(one);
      case Kind.Interface:
        return this.#interface(one);
      case Kind.TypeAlias:
        return this.#alias(one);
      case Kind.Reference:
        return `\`${one.name}\` is [that of ${this.#homeOf(one)}](#${this.#anchors.get(one.target ?? -1)}).`;
      default:
        throw new Error(`The reference cannot show ${one.name}, of TypeDoc's kind ${one.kind}.`);
    }
  }

  /** The entry that a re-exported thing is described in. */
  #homeOf({ target }: Reflection): string {
    const home = this.#sections.find(({ exports }) => exports.some(({ id }) => id === target));
    return `\`${home?.entry.specifier}\``;
  }

  #class(one: Reflection): string {
    const parts = [`### ${one.name}`, this.#prose(one.comment, one.name)];
    const [constructor] = (one.children ?? []).find(({ kind }) => kind === Kind.Constructor)?.signatures ?? [];
    // An element is made by its tag.
    if (constructor?.parameters && constructor.parameters.length > 0) {
      parts.push(fence(`new ${one.name}${parametersText(constructor)}`));
      parts.push(this.#parameters([constructor], `new ${one.name}`));
    }
    for (const [tag, title] of ELEMENT_TAGS) parts.push(table(title, tagged(one.comment, tag)));
    return [...parts, ...this.#members(one)].filter(Boolean).join('\n\n');
  }

  #interface(one: Reflection): string {
    const parents = (one.extendedTypes ?? []).map((type) => this.#type(type));
    return [
      `### ${one.name}`,
      this.#prose(one.comment, one.name),
      parents.length > 0 ? `Extends ${parents.join(' and ')}.` : '',
      ...(one.signatures ? this.#calls(one, one.name, 'pipeline') : []),
      ...this.#members(one),
    ]
      .filter(Boolean)
      .join('\n\n');
  }

  #alias(one: Reflection): string {
    const parameters = (one.typeParameters ?? []).map(({ name }) => name).join(', ');
    const name = parameters === '' ? one.name : `${one.name}<${parameters}>`;
    const values = this.#values(one);
    return [
      `### ${one.name}`,
      this.#prose(one.comment, one.name),
      values === '' ? fence(`type ${name} = ${typeText(one.type)}`) : values,
    ].join('\n\n');
  }

  /** A list of the strings that a type allows, where each is described; empty for other types. */
  #values({ name, type }: Reflection): string {
    if (type?.type !== 'union' || !type.elementSummaries || type.types.some((one) => one.type !== 'literal')) return '';
    return type.types
      .map((value, index) => {
        const said = textOf(type.elementSummaries?.[index]);
        if (said === '') this.#silent.push(`${name}, ${typeText(value)}`);
        return `- ${this.#type(value)}: ${said}`;
      })
      .join('\n');
  }

  /** Properties as a list, then methods one by one. */
  #members(one: Reflection): string[] {
    const properties = (one.children ?? []).filter(
      (child) => (child.kind === Kind.Property || child.kind === Kind.Accessor) && !child.signatures,
    );
    const own = properties.filter(({ inheritedFrom }) => !inheritedFrom || one.kind === Kind.Class);
    const list = own.map((property) => this.#property(property, one.name)).join('\n');
    const title = one.kind === Kind.Class && list !== '' ? 'Properties:' : '';
    const methods = methodsOf(one).map((method) =>
      [`#### ${method.name}`, ...this.#calls(method, `${one.name}.${method.name}`, method.name)].join('\n\n'),
    );
    return [title, list, ...methods];
  }

  /** @param told whether what it belongs to has a sentence, and it may go without */
  #property(property: Reflection, owner: string, indent = '', told = false): string {
    const { name, flags, type, getSignature } = property;
    const comment = commentOf(property);
    const whole = type ?? getSignature?.type;
    const inner = innerObject(whole);
    const said = textOf(comment?.summary);
    const path = `${owner}.${name}`;
    if (said === '' && !inner && !told) this.#silent.push(path);
    const facts = [
      inner ? (whole?.type === 'array' ? 'a list of objects' : 'an object') : this.#type(whole),
      ...(flags.isOptional ? ['optional'] : []),
    ];
    if (flags.isReadonly || (getSignature && !('setSignature' in property))) facts.push('read only');
    const lines = said.replaceAll('\n', `\n${indent}  `);
    const head = `${indent}- **\`${name}\`** (${facts.join(', ')})${said === '' ? '' : `: ${lines}`}`;
    const nested = (inner?.children ?? []).map((child) =>
      this.#property(child, path, `${indent}  `, told || said !== ''),
    );
    return [head, ...nested].join('\n');
  }

  /** Every way to call a function with its own block of code; what is said of it once. */
  #calls({ signatures = [] }: Reflection, path: string, name: string): string[] {
    const comment = signatures.find((signature) => signature.comment)?.comment;
    const code = signatures.map((signature) => {
      const generics = (signature.typeParameters ?? []).map((one) => one.name).join(', ');
      return `${name}${generics === '' ? '' : `<${generics}>`}${signatureText(signature)}`;
    });
    const [returned] = tagged(comment, '@returns');
    // The block of code has them all; those that can be looked up are named again, as links.
    const types = [...new Set(signatures.map(({ type }) => this.#type(type)))].filter((type) => type.includes('](#'));
    return [
      fence(code.join(';\n')),
      this.#prose(comment, path),
      this.#parameters(signatures, path),
      types.length > 0
        ? `Returns ${types.join(', or ')}${returned ? `: ${returned}` : ''}.`
        : returned
          ? `Returns ${returned}.`
          : '',
      ...tagged(comment, '@throws').map((text) => `Throws ${this.#link(text)}${text.endsWith('.') ? '' : '.'}`),
    ].filter(Boolean);
  }

  #parameters(signatures: readonly Signature[], path: string): string {
    // Of several that have the same name, the last is the most general.
    const all = new Map(signatures.flatMap(({ parameters = [] }) => parameters.map((one) => [one.name, one])));
    const lines = [...all.values()].map((parameter) => {
      const said = textOf(parameter.comment?.summary);
      const linked = this.#type(parameter.type);
      // A type with a description of its own says it all.
      if (said === '' && !linked.includes('](#')) this.#silent.push(`${path}(${parameterName(parameter)})`);
      const optional = isOptional(parameter) ? ', optional' : '';
      return `- **\`${parameterName(parameter)}\`** (${linked}${optional})${said === '' ? '' : `: ${said}`}`;
    });
    return lines.join('\n');
  }

  #prose(comment: Comment | undefined, path: string): string {
    const said = textOf(comment?.summary);
    if (said === '') this.#silent.push(path);
    const examples = tagged(comment, '@example');
    return [said, ...examples].join('\n\n');
  }

  /** As code, with links to what the reference has. */
  #type(type: Type | undefined): string {
    return typeText(type, this.#linked).replaceAll('``', ''); // pieces side by side are one
  }

  /** `BambaError` of a sentence as a link. */
  #link(text: string): string {
    const [id] = [...this.#names].find(([, name]) => name === 'BambaError') ?? [];
    const anchor = id === undefined ? undefined : this.#anchors.get(id);
    return anchor === undefined ? text : text.replace(/^BambaError/, `[\`BambaError\`](#${anchor})`);
  }
}

function methodsOf({ kind, children = [] }: Reflection): Reflection[] {
  if (kind !== Kind.Class && kind !== Kind.Interface) return [];
  return children.filter((child) => child.kind === Kind.Method || (child.kind === Kind.Property && child.signatures));
}

/** The object that a property is, or has a list of, where its type has no name. */
function innerObject(type: Type | undefined): Reflection | undefined {
  if (type?.type === 'array') return innerObject(type.elementType);
  if (type?.type !== 'reflection' || type.declaration.signatures || type.declaration.indexSignatures) return undefined;
  return type.declaration;
}
