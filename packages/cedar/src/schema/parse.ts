/**
 * Parser of the Cedar schema syntax
 * (docs.cedarpolicy.com/schema/human-readable-schema-grammar.html), by recursive descent.
 */

import { isReserved } from '../syntax/names.ts';
import type {
  ActionDeclaration,
  ActionName,
  Annotations,
  AppliesTo,
  AttributeDeclaration,
  CommonTypeDeclaration,
  EntityTypeDeclaration,
  Name,
  NamespaceDeclaration,
  Schema,
  TypeExpression,
} from './declaration.ts';
import { type LexedSchema, lexSchema, type Token } from './lexer.ts';
import { isReservedCommonType, isReservedPath } from './names.ts';
import { SCHEMA_DECLARATIONS_MAX, SchemaError, TYPE_DEPTH_MAX } from './schema-error.ts';

/** Throws SchemaError where the text is no schema. What its names mean, resolveSchema finds out. */
export function parseSchema(text: string): Schema {
  return new Parser(lexSchema(text)).parse();
}

/** A namespace that declarations are still added to. */
interface OpenNamespace extends NamespaceDeclaration {
  readonly commonTypes: Map<string, CommonTypeDeclaration>;
  readonly entityTypes: Map<string, EntityTypeDeclaration>;
  readonly actions: Map<string, ActionDeclaration>;
}

interface Head {
  readonly annotations: Annotations;
  readonly first: Token;
}

class Parser {
  readonly #lexed: LexedSchema;
  #index = 0;
  #declarations = 0;
  #depth = 0;

  constructor(lexed: LexedSchema) {
    this.#lexed = lexed;
  }

  parse(): Schema {
    const namespaces = new Map<string, OpenNamespace>();
    const bare = openNamespace({ annotations: new Map() });
    while (this.#token.kind !== 'end') {
      const head = this.#head();
      if (!this.#isWord('namespace')) {
        this.#declaration(head, bare, ['@', 'action', 'entity', 'namespace', 'type']);
        namespaces.set('', bare);
        continue;
      }
      this.#index += 1;
      const { name, at } = this.#path();
      if (isReservedPath(name)) throw reserved(name, at);
      if (namespaces.has(name)) throw new SchemaError(`namespace ${name} is declared twice`, at);
      const namespace = openNamespace({ annotations: head.annotations, doc: head.first.doc, at });
      namespaces.set(name, namespace);
      this.#expect('{');
      while (!this.#accept('}')) {
        this.#declaration(this.#head(), namespace, ['@', 'action', 'entity', 'type', '}']);
      }
    }
    return { namespaces };
  }

  #declaration(head: Head, into: OpenNamespace, expected: readonly string[]): void {
    if (this.#isWord('entity')) this.#entity(head, into);
    else if (this.#isWord('action')) this.#action(head, into);
    else if (this.#isWord('type')) this.#commonType(head, into);
    else throw this.#unexpected(expected);
  }

  #entity(head: Head, into: OpenNamespace): void {
    this.#index += 1;
    const names = this.#list(() => this.#declaredIdentifier());
    let entity: EntityTypeDeclaration;
    if (this.#acceptWord('enum')) {
      this.#expect('[');
      const ids = this.#list(() => this.#string().text);
      this.#expect(']');
      entity = { kind: 'enumerated', ids, ...this.#end(head, [';']) };
    } else {
      const isIn = this.#acceptWord('in');
      const parents = isIn ? this.#types() : [];
      const hasEquals = this.#accept('=');
      const shape = hasEquals || this.#is('{') ? this.#record() : undefined;
      const tags = this.#acceptWord('tags') ? this.#type() : undefined;
      const expected = [
        ...(tags === undefined ? ['tags'] : []),
        ...(shape === undefined && tags === undefined ? ['=', '{'] : []),
        ...(isIn || shape !== undefined || tags !== undefined ? [] : [',', 'enum', 'in']),
        ';',
      ];
      entity = { kind: 'standard', parents, shape, tags, ...this.#end(head, expected) };
    }
    for (const name of names) {
      this.#declare(into.entityTypes, name.text, { ...entity, at: name.at }, name);
    }
  }

  #action(head: Head, into: OpenNamespace): void {
    this.#index += 1;
    const names = this.#list(() => this.#name());
    const parents = this.#acceptWord('in') ? this.#actionNames() : undefined;
    // Text without `appliesTo` says "applies to nothing", which JSON writes as empty lists.
    const appliesTo: AppliesTo = this.#acceptWord('appliesTo')
      ? this.#appliesTo(names[0])
      : { principals: [], resources: [] };
    if (this.#acceptWord('attributes')) {
      this.#expect('{');
      this.#expect('}');
    }
    const action: ActionDeclaration = { parents, appliesTo, ...this.#end(head, [';']) };
    for (const name of names) {
      this.#declare(into.actions, name.text, { ...action, at: name.at }, name);
    }
  }

  #commonType(head: Head, into: OpenNamespace): void {
    this.#index += 1;
    const name = this.#declaredIdentifier();
    if (isReservedCommonType(name.text)) {
      throw new SchemaError(
        `${name.text} is a word of the schema syntax and cannot name a common type`,
        name.at,
      );
    }
    this.#expect('=');
    const type = this.#type();
    const declaration = { type, ...this.#end(head, [';']), at: name.at };
    this.#declare(into.commonTypes, name.text, declaration, name);
  }

  #appliesTo(action: Token | undefined): AppliesTo {
    const which = `action ${action?.text}`;
    let principals: readonly Name[] | undefined;
    let resources: readonly Name[] | undefined;
    let context: TypeExpression | undefined;
    this.#expect('{');
    do {
      const part = this.#token;
      if (!['principal', 'resource', 'context'].some((word) => this.#acceptWord(word))) {
        throw this.#unexpected(['context', 'principal', 'resource']);
      }
      this.#expect(':');
      const already = { principal: principals, resource: resources, context }[part.text];
      if (already !== undefined) {
        throw new SchemaError(`${part.text} of ${which} is declared twice`, part.at);
      }
      if (part.text === 'context') context = this.#context();
      else {
        const types = this.#types();
        if (types.length === 0) {
          throw new SchemaError(`${part.text} of ${which} must not be []`, part.at);
        }
        if (part.text === 'principal') principals = types;
        else resources = types;
      }
    } while (this.#accept(',') && !this.#is('}'));
    this.#expect('}', [',', '}']);
    if (principals === undefined || resources === undefined) {
      const missing = principals === undefined ? 'principal' : 'resource';
      throw new SchemaError(`${which} declares no ${missing}`, action?.at);
    }
    return { principals, resources, context };
  }

  #context(): TypeExpression {
    if (this.#is('{')) return this.#record();
    return { kind: 'reference', to: 'common', ...this.#path(['{', 'an identifier']) };
  }

  #type(): TypeExpression {
    if (this.#is('{')) return this.#record();
    if (!this.#isWord('Set') || this.#peek(1)?.text !== '<') {
      return { kind: 'reference', to: 'either', ...this.#path(['{', 'an identifier']) };
    }
    this.#deeper();
    this.#index += 2;
    const element = this.#type();
    this.#expect('>');
    this.#depth -= 1;
    return { kind: 'set', element };
  }

  #record(): TypeExpression {
    this.#deeper();
    this.#expect('{');
    const attributes = new Map<string, AttributeDeclaration>();
    const undocumented: { readonly name: string; readonly line: number }[] = [];
    while (!this.#is('}')) {
      const { annotations, first } = this.#head();
      const name = this.#name(['@', '}', 'an identifier', 'a string']);
      const required = !this.#accept('?');
      this.#expect(':', required ? [':', '?'] : [':']);
      const type = this.#type();
      // Of attributes with the same name the last one counts, as in Cedar.
      attributes.set(name.text, { type, required, annotations, doc: first.doc, at: name.at });
      const line = this.#peek(-1)?.endLine ?? 0;
      if (first.doc === undefined) undocumented.push({ name: name.text, line });
      if (!this.#accept(',') && !this.#is('}')) throw this.#unexpected([',', '}']);
    }
    // A comment behind the closing brace is about the whole; those on lines before it are about attributes.
    for (const { name, line } of undocumented) {
      const attribute = attributes.get(name);
      const doc = line === this.#token.at.line ? undefined : this.#lexed.trailing.get(line);
      if (attribute !== undefined && doc !== undefined) attributes.set(name, { ...attribute, doc });
    }
    this.#expect('}');
    this.#depth -= 1;
    return { kind: 'record', attributes };
  }

  #head(): Head {
    const first = this.#token;
    const annotations = new Map<string, string>();
    while (this.#accept('@')) {
      const key = this.#token;
      if (key.kind !== 'word') throw this.#unexpected(['an identifier']);
      this.#index += 1;
      if (annotations.has(key.text)) {
        throw new SchemaError(`annotation @${key.text} is written twice`, key.at);
      }
      let value = '';
      if (this.#accept('(')) {
        value = this.#string().text;
        this.#expect(')');
      }
      annotations.set(key.text, value);
    }
    return { annotations, first };
  }

  #end({ annotations, first }: Head, expected: readonly string[]) {
    this.#expect(';', expected);
    const { trailing } = this.#lexed;
    const last = this.#peek(-1)?.endLine ?? first.at.line;
    return { annotations, doc: first.doc ?? trailing.get(last) ?? trailing.get(first.at.line) };
  }

  #declare<T>(into: Map<string, T>, name: string, declaration: T, token: Token): void {
    if (into.has(name)) throw new SchemaError(`${name} is declared twice`, token.at);
    this.#declarations += 1;
    if (this.#declarations > SCHEMA_DECLARATIONS_MAX) {
      throw new SchemaError(`more than ${SCHEMA_DECLARATIONS_MAX} declarations`, token.at);
    }
    into.set(name, declaration);
  }

  #types(): Name[] {
    if (!this.#accept('[')) return [this.#path(['[', 'an identifier'])];
    const types = this.#is(']') ? [] : this.#list(() => this.#path());
    this.#expect(']', [',', ']']);
    return types;
  }

  #actionNames(): ActionName[] {
    if (!this.#accept('[')) return [this.#actionName()];
    const names = this.#list(() => this.#actionName());
    this.#expect(']', [',', ']']);
    return names;
  }

  #actionName(): ActionName {
    const start = this.#name();
    const at = start.at;
    if (start.kind === 'string' || !this.#is('::')) return { id: start.text, at };
    let type = start.text;
    while (this.#accept('::')) {
      if (this.#token.kind === 'string') return { type, id: this.#string().text, at };
      type += `::${this.#identifier(['an identifier', 'a string']).text}`;
    }
    throw this.#unexpected(['::']);
  }

  #path(expected?: readonly string[]): Name {
    const start = this.#identifier(expected);
    let name = start.text;
    while (this.#accept('::')) name += `::${this.#identifier().text}`;
    return { name, at: start.at };
  }

  #list<T>(element: () => T): T[] {
    const elements = [element()];
    while (this.#accept(',')) elements.push(element());
    return elements;
  }

  #name(expected: readonly string[] = ['an identifier', 'a string']): Token {
    return this.#token.kind === 'string' ? this.#string() : this.#identifier(expected);
  }

  #declaredIdentifier(): Token {
    const token = this.#identifier();
    if (isReservedPath(token.text)) throw reserved(token.text, token.at);
    return token;
  }

  #identifier(expected: readonly string[] = ['an identifier']): Token {
    const token = this.#token;
    if (token.kind !== 'word') throw this.#unexpected(expected);
    if (isReserved(token.text)) {
      throw new SchemaError(`${token.text} is a reserved word`, token.at, expected);
    }
    this.#index += 1;
    return token;
  }

  #string(): Token {
    const token = this.#token;
    if (token.kind !== 'string') throw this.#unexpected(['a string']);
    this.#index += 1;
    return token;
  }

  #deeper(): void {
    this.#depth += 1;
    if (this.#depth > TYPE_DEPTH_MAX) {
      throw new SchemaError(`types nest deeper than ${TYPE_DEPTH_MAX}`, this.#token.at);
    }
  }

  get #token(): Token {
    // The last token is the end, which nothing consumes.
    return this.#lexed.tokens[this.#index] as Token;
  }

  #peek(offset: number): Token | undefined {
    return this.#lexed.tokens[this.#index + offset];
  }

  #is(symbol: string): boolean {
    return this.#token.kind === 'symbol' && this.#token.text === symbol;
  }

  #isWord(word: string): boolean {
    return this.#token.kind === 'word' && this.#token.text === word;
  }

  #accept(symbol: string): boolean {
    if (!this.#is(symbol)) return false;
    this.#index += 1;
    return true;
  }

  #acceptWord(word: string): boolean {
    if (!this.#isWord(word)) return false;
    this.#index += 1;
    return true;
  }

  #expect(symbol: string, expected: readonly string[] = [symbol]): void {
    if (!this.#accept(symbol)) throw this.#unexpected(expected);
  }

  #unexpected(expected: readonly string[]): SchemaError {
    const token = this.#token;
    const wanted = expected.map(quoteWord).join(', ');
    const found = { end: 'the end', string: 'a string', word: token.text, symbol: token.text };
    const problem = `expected ${wanted}, found ${quoteWord(found[token.kind])}`;
    return new SchemaError(problem, token.at, expected);
  }
}

/** `;` but a string: what has a blank in it describes and is not meant literally. */
const quoteWord = (what: string): string => (what.includes(' ') ? what : `\`${what}\``);

const openNamespace = (declared: Pick<NamespaceDeclaration, 'annotations' | 'doc' | 'at'>) => ({
  ...declared,
  commonTypes: new Map<string, CommonTypeDeclaration>(),
  entityTypes: new Map<string, EntityTypeDeclaration>(),
  actions: new Map<string, ActionDeclaration>(),
});

const reserved = (name: string, at: Name['at']): SchemaError =>
  new SchemaError(`${name}: names with __cedar are reserved`, at);
