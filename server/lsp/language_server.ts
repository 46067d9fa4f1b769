import { fileURLToPath } from "node:url";
import type { ProjectSchemas } from "../../engine/definitions/json_schema/schemas.ts";
import { headerYaml } from "../../sql/editing/header.ts";
import type { OpenedLive } from "../backend.ts";
import { suggestedActions, toDiagnostic } from "./diagnostics.ts";
import type { ProjectSpace } from "./project_space.ts";
import { ProjectSpaces } from "./project_spaces.ts";
import type {
  CompletionList,
  Connection,
  DocumentSymbol,
  InitializeResult,
  Location,
  Position,
  TextDocument,
  TextDocuments,
} from "./protocol.ts";
import { completeSql } from "./sql/complete_sql.ts";
import { defineSql, type FilePlace, meaningAt, referencesOf, symbolsOf } from "./sql/define_sql.ts";
import { hoverSql } from "./sql/hover_sql.ts";
import { signatureAt } from "./sql/signature_sql.ts";
import { sqlView } from "./sql/sql_view.ts";
import { completeYaml, defineYaml, hoverYaml, type YamlSymbol, yamlSymbols } from "./yaml/edit_yaml.ts";
import { yamlKind, type YamlView } from "./yaml/yaml_file.ts";

export interface LanguageServerOptions {
  readonly connection: Connection;
  readonly documents: TextDocuments<TextDocument>;
  /** A document of a text. */
  readonly documentOf: (uri: string, text: string) => TextDocument;
  readonly version: string;
  /** Opens a project with texts that are not saved. */
  readonly open: (projectDir: string) => Promise<OpenedLive>;
  readonly schemas: () => Promise<ProjectSchemas>;
  /** See SpacesOptions. */
  readonly only?: string | undefined;
}

/** A file that the editor has open, and the project that it belongs to. */
interface OpenFile {
  readonly document: TextDocument;
  readonly space: ProjectSpace;
  readonly path: string;
  readonly text: string;
}

/** Answers an editor, as the Language Server Protocol says, until it shuts the server down. */
export function serveLanguage(options: LanguageServerOptions): AsyncDisposable {
  return new LanguageServer(options);
}

class LanguageServer implements AsyncDisposable {
  readonly #options: LanguageServerOptions;
  readonly #spaces: ProjectSpaces;
  /** What faults were published for, by project. */
  readonly #published = new Map<ProjectSpace, Set<string>>();
  #folders: string[] = [];
  #hasSnippets = false;

  constructor(options: LanguageServerOptions) {
    this.#options = options;
    this.#spaces = new ProjectSpaces({
      open: options.open,
      only: options.only,
      onState: (space) => this.#publish(space),
      onError: (root, error) => {
        const message = error instanceof Error ? error.message : String(error);
        this.#show(MESSAGE.error, `Sluice cannot check ${root}: ${message}`);
      },
    });
    this.#listen();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#spaces[Symbol.asyncDispose]();
  }

  #listen(): void {
    const { connection, documents, only } = this.#options;
    connection.onInitialize((params): InitializeResult => {
      this.#hasSnippets =
        params.capabilities.textDocument?.completion?.completionItem?.snippetSupport === true;
      const folders = params.workspaceFolders?.map(({ uri }) => uri) ?? [];
      this.#folders = folders.filter((uri) => uri.startsWith("file:")).map((uri) => fileURLToPath(uri));
      return { capabilities: CAPABILITIES, serverInfo: { name: "sluice", version: this.#options.version } };
    });
    connection.onInitialized(() => {
      // What cannot be opened is told by `onError`.
      for (const folder of only === undefined ? this.#folders : [only]) void this.#spaces.openFolder(folder);
    });
    connection.onShutdown(() => this[Symbol.asyncDispose]());
    documents.onDidChangeContent(({ document }) => this.#change(document.uri, document.getText()));
    documents.onDidClose(({ document }) => this.#change(document.uri, null));
    documents.onDidSave(async ({ document }) => await (await this.#spaces.of(document.uri))?.refresh());

    connection.onCompletion(async ({ textDocument, position }): Promise<CompletionList> => {
      const file = await this.#file(textDocument.uri);
      return file === undefined ? NOTHING : await this.#complete(file, position);
    });
    connection.onHover(async ({ textDocument, position }) => {
      const file = await this.#file(textDocument.uri);
      if (file === undefined) return null;
      const offset = file.document.offsetAt(position);
      const yaml = await this.#yaml(file, offset);
      const value = yaml === undefined
        ? isSql(file.path) ? await hoverSql(sqlView(file.space, file.path, file.text), offset) : undefined
        : hoverYaml(yaml.view, yaml.text, offset - yaml.base);
      return value === undefined ? null : { contents: { kind: "markdown", value } };
    });
    connection.onSignatureHelp(async ({ textDocument, position }) => {
      const file = await this.#file(textDocument.uri);
      if (file === undefined || !isSql(file.path)) return null;
      const view = sqlView(file.space, file.path, file.text);
      return await signatureAt(view, file.document.offsetAt(position)) ?? null;
    });
    connection.onDefinition(async ({ textDocument, position }): Promise<Location[]> => {
      const file = await this.#file(textDocument.uri);
      if (file === undefined) return [];
      const offset = file.document.offsetAt(position);
      const yaml = await this.#yaml(file, offset);
      const places = yaml === undefined
        ? isSql(file.path) ? await defineSql(sqlView(file.space, file.path, file.text), offset) : []
        : await defineYaml(yaml.view, yaml.text, offset - yaml.base);
      return await this.#locations(file.space, places);
    });
    connection.onReferences(async ({ textDocument, position }): Promise<Location[]> => {
      const file = await this.#file(textDocument.uri);
      if (file === undefined || !isSql(file.path)) return [];
      await file.space.settle();
      const view = sqlView(file.space, file.path, file.text);
      const meaning = await meaningAt(view, file.document.offsetAt(position));
      return meaning === undefined
        ? []
        : await this.#locations(file.space, await referencesOf(view, meaning));
    });
    connection.onDocumentSymbol(async ({ textDocument }): Promise<DocumentSymbol[]> => {
      const file = await this.#file(textDocument.uri);
      if (file === undefined) return [];
      return isSql(file.path) ? sqlSymbols(file) : yamlSymbols(file.text).map((symbol) => yamlSymbol(symbol));
    });
    connection.onCodeAction(({ textDocument, context }) => {
      const document = documents.get(textDocument.uri);
      return document === undefined ? [] : suggestedActions(context.diagnostics, document);
    });
    connection.onDocumentFormatting(async ({ textDocument }) => {
      const file = await this.#file(textDocument.uri);
      if (file === undefined || !isSql(file.path)) return null;
      const formatted = await file.space.checker.format(file.text);
      if ("kept" in formatted) {
        this.#show(MESSAGE.info, `${file.path} stays as it is: ${formatted.kept}`);
        return [];
      }
      if (formatted.text === file.text) return [];
      const end = file.document.positionAt(file.text.length);
      return [{ range: { start: { line: 0, character: 0 }, end }, newText: formatted.text }];
    });
  }

  /** Without a question: not every editor can answer one. */
  #show(type: number, message: string): void {
    void this.#options.connection.sendNotification("window/showMessage", { type, message });
  }

  async #change(uri: string, text: string | null): Promise<void> {
    const space = await this.#spaces.of(uri);
    const path = space?.pathOf(uri);
    if (path !== undefined && isWatched(path)) space?.change(path, text);
  }

  async #file(uri: string): Promise<OpenFile | undefined> {
    const document = this.#options.documents.get(uri);
    const space = await this.#spaces.of(uri);
    const path = space?.pathOf(uri);
    if (document === undefined || space === undefined || path === undefined) return undefined;
    return { document, space, path, text: document.getText() };
  }

  async #complete(file: OpenFile, position: Position): Promise<CompletionList> {
    const { space, path, text, document } = file;
    const offset = document.offsetAt(position);
    const yaml = await this.#yaml(file, offset);
    if (yaml !== undefined) {
      const items = completeYaml(yaml.view, document, { text: yaml.text, base: yaml.base, offset });
      return { isIncomplete: false, items };
    }
    if (!isSql(path)) return NOTHING;
    const view = sqlView(space, path, text);
    return await completeSql({ view, document, offset, hasSnippets: this.#hasSnippets });
  }

  /** The YAML that a place is in: of a file, or of a model's header. */
  async #yaml(
    { space, path, text }: OpenFile,
    offset: number,
  ): Promise<{ readonly view: YamlView; readonly text: string; readonly base: number } | undefined> {
    const schemas = await this.#options.schemas();
    const pipeline = space.pipelineOf(path);
    const kind = yamlKind(path);
    if (kind !== undefined) {
      return { view: { space, path, kind, schema: schemas[kind], pipeline }, text, base: 0 };
    }
    const header = isSql(path) ? headerYaml(text) : undefined;
    if (header === undefined || offset < header.start || offset > header.end) return undefined;
    return {
      view: { space, path, kind: "model", schema: schemas.model, pipeline },
      text: text.slice(header.start, header.end),
      base: header.start,
    };
  }

  #publish(space: ProjectSpace): void {
    const { connection, documents } = this.#options;
    const open = new Map(documents.all().map((document) => [space.pathOf(document.uri), document]));
    const before = this.#published.get(space) ?? new Set();
    const { faults } = space.state;
    for (const path of new Set([...before, ...faults.keys()])) {
      const document = open.get(path);
      const diagnostics = (faults.get(path) ?? []).map((fault) => toDiagnostic(fault, document));
      void connection.sendDiagnostics({ uri: document?.uri ?? space.uriOf(path), diagnostics });
    }
    this.#published.set(space, new Set(faults.keys()));
  }

  async #locations(space: ProjectSpace, places: readonly FilePlace[]): Promise<Location[]> {
    const { documents, documentOf } = this.#options;
    const locations: Location[] = [];
    for (const place of places) {
      const uri = documents.all().find((document) => space.pathOf(document.uri) === place.path)?.uri ??
        space.uriOf(place.path);
      if ("line" in place) {
        const start = { line: place.line - 1, character: place.column - 1 };
        locations.push({
          uri,
          range: { start, end: { ...start, character: start.character + place.length } },
        });
        continue;
      }
      const text = await space.textOf(place.path);
      if (text === undefined) continue;
      const document = documentOf(uri, text);
      const range = { start: document.positionAt(place.start), end: document.positionAt(place.end) };
      locations.push({ uri, range });
    }
    return locations;
  }
}

/** The kinds of the protocol. */
const MESSAGE = { error: 1, info: 3 } as const;

const NOTHING: CompletionList = { isIncomplete: false, items: [] };

const CAPABILITIES: InitializeResult["capabilities"] = {
  positionEncoding: "utf-16",
  textDocumentSync: { openClose: true, change: 2, save: true },
  completionProvider: { triggerCharacters: [".", " ", ":", "'", "[", "{", "-"] },
  hoverProvider: true,
  signatureHelpProvider: { triggerCharacters: ["(", ","] },
  definitionProvider: true,
  referencesProvider: true,
  documentSymbolProvider: true,
  documentFormattingProvider: true,
  codeActionProvider: { codeActionKinds: ["quickfix"] },
  workspace: { workspaceFolders: { supported: true } },
};

const isSql = (path: string): boolean => path.endsWith(".sql");

/** Files whose texts make the project. */
const isWatched = (path: string): boolean => /\.(?:sql|ya?ml|csv|m?[jt]s|py)$/.test(path);

/** The kinds of the protocol. */
const SYMBOL_KIND = { cte: 5, column: 8, macro: 12, key: 20 } as const;

function sqlSymbols({ document, space, path, text }: OpenFile): DocumentSymbol[] {
  const rangeOf = (start: number, end: number) => ({
    start: document.positionAt(start),
    end: document.positionAt(end),
  });
  return symbolsOf(sqlView(space, path, text)).map(({ name, kind, start, end, nameStart, nameEnd }) => ({
    name,
    kind: SYMBOL_KIND[kind],
    range: rangeOf(start, end),
    selectionRange: rangeOf(nameStart, nameEnd),
  }));
}

/** Editors take it for the end of the line. */
const END_OF_LINE = 100_000;

function yamlSymbol({ name, line, endLine, column, children }: YamlSymbol): DocumentSymbol {
  const start = { line, character: column };
  return {
    name,
    kind: SYMBOL_KIND.key,
    range: { start, end: { line: endLine, character: END_OF_LINE } },
    selectionRange: { start, end: { line, character: column + name.length } },
    children: children.map((child) => yamlSymbol(child)),
  };
}
