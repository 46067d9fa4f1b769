import { fileURLToPath } from "node:url";
import { AppError } from "../../contract/errors.ts";
import type { ProjectSchemas } from "../../engine/definitions/json_schema/schemas.ts";
import { modelName } from "../../sql/language/files/kinds.ts";
import { headerYaml } from "../../sql/editing/header.ts";
import type { OpenedLive } from "../backend.ts";
import { suggestedActions, toDiagnostic } from "./diagnostics.ts";
import { definitionOf } from "./names/definition.ts";
import { entityOfFile } from "./names/entity.ts";
import {
  type NameAt,
  nameInSqlAt,
  nameInYamlAt,
  referencesTo,
  renamable,
  renameAt,
} from "./names/name_at.ts";
import { type Renamed, renameEntity, withName } from "./names/rename.ts";
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
  WorkspaceEdit,
} from "./protocol.ts";
import { completeSql } from "./sql/complete_sql.ts";
import { defineSql, type FilePlace } from "./sql/define_sql.ts";
import { hoverSql } from "./sql/hover_sql.ts";
import { signatureAt } from "./sql/signature_sql.ts";
import { sqlView } from "./sql/sql_view.ts";
import {
  type EditAbility,
  editAbility,
  type EditedTexts,
  locationsOf,
  NO_ABILITY,
  workspaceEdit,
} from "./workspace_edit.ts";
import { sqlSymbols, yamlFileSymbols } from "./symbols.ts";
import { completeYaml, hoverYaml } from "./yaml/edit_yaml.ts";
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
  /** The error that tells an editor why a request is refused. */
  readonly refusal: (reason: string) => Error;
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
  #ability: EditAbility = NO_ABILITY;

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
      this.#ability = editAbility(params.capabilities.workspace?.workspaceEdit);
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
        : await defineYaml(yaml, offset);
      return await locationsOf(this.#texts(file.space), places);
    });
    connection.onReferences(async ({ textDocument, position }): Promise<Location[]> => {
      const file = await this.#file(textDocument.uri);
      const name = file === undefined ? undefined : await this.#nameAt(file, position);
      return file === undefined || name === undefined
        ? []
        : await locationsOf(this.#texts(file.space), await referencesTo(name, file.space));
    });
    connection.onPrepareRename(async ({ textDocument, position }) => {
      const file = await this.#file(textDocument.uri);
      const name = file === undefined ? undefined : await this.#nameAt(file, position);
      if (file === undefined || name === undefined) return null;
      const placeholder = await this.#answering(() => renamable(name));
      const { document } = file;
      return {
        range: { start: document.positionAt(name.start), end: document.positionAt(name.end) },
        placeholder,
      };
    });
    connection.onRenameRequest(async ({ textDocument, position, newName }) => {
      const file = await this.#file(textDocument.uri);
      const name = file === undefined ? undefined : await this.#nameAt(file, position);
      if (file === undefined || name === undefined) return null;
      return await this.#answering(async () =>
        await workspaceEdit(this.#texts(file.space), await renameAt(name, file.space, newName.trim()))
      );
    });
    connection.workspace.onWillRenameFiles(async ({ files }) => {
      const all: WorkspaceEdit[] = [];
      for (const { oldUri, newUri } of files) {
        const space = await this.#spaces.of(oldUri);
        const renamed = space === undefined ? undefined : await this.#renamedFile(space, oldUri, newUri);
        if (space === undefined || renamed === undefined) continue;
        all.push(await workspaceEdit(this.#texts(space), renamed));
      }
      if (all.length === 0) return null;
      return this.#ability.hasVersions
        ? { documentChanges: all.flatMap(({ documentChanges }) => documentChanges ?? []) }
        : { changes: Object.assign({}, ...all.map(({ changes }) => changes)) };
    });
    connection.onDocumentSymbol(async ({ textDocument }): Promise<DocumentSymbol[]> => {
      const file = await this.#file(textDocument.uri);
      if (file === undefined) return [];
      return isSql(file.path)
        ? sqlSymbols(sqlView(file.space, file.path, file.text), file.document)
        : yamlFileSymbols(file.text);
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

  /** What the name at a place stands for, in the texts as they are now. */
  async #nameAt(file: OpenFile, position: Position): Promise<NameAt | undefined> {
    await file.space.settle();
    const offset = file.document.offsetAt(position);
    const yaml = await this.#yaml(file, offset);
    if (yaml !== undefined) return nameInYamlAt(yaml.view, yaml.base, offset);
    return isSql(file.path)
      ? await nameInSqlAt(sqlView(file.space, file.path, file.text), offset)
      : undefined;
  }

  /** What editors show where a request is refused: the reason alone. */
  async #answering<T>(answer: () => T | Promise<T>): Promise<T> {
    try {
      return await answer();
    } catch (error) {
      throw error instanceof AppError ? this.#options.refusal(error.message) : error;
    }
  }

  #texts(space: ProjectSpace): EditedTexts {
    const { documents, documentOf } = this.#options;
    return { space, documents, documentOf, ability: this.#ability };
  }

  /** What follows from a file that is about to be renamed: undefined where nothing does, or it is said why not. */
  async #renamedFile(space: ProjectSpace, oldUri: string, newUri: string): Promise<Renamed | undefined> {
    const [from, to] = [space.pathOf(oldUri), space.pathOf(newUri)];
    if (from === undefined || to === undefined) return undefined;
    await space.settle();
    const entity = entityOfFile(space, from);
    const name = modelName(to);
    if (entity === undefined || name === entity.name || to !== withName(from, name)) return undefined;
    try {
      const { edits } = await renameEntity(space, entity, name);
      return { edits, files: [] };
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      this.#show(MESSAGE.error, `What names ${entity.name} stays as it is: ${error.message}`);
      return undefined;
    }
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
      return { view: { space, path, text, kind, schema: schemas[kind], pipeline }, text, base: 0 };
    }
    const header = isSql(path) ? headerYaml(text) : undefined;
    if (header === undefined || offset < header.start || offset > header.end) return undefined;
    const yaml = text.slice(header.start, header.end);
    return {
      view: { space, path, text: yaml, kind: "model", schema: schemas.model, pipeline },
      text: yaml,
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
  renameProvider: { prepareProvider: true },
  documentSymbolProvider: true,
  documentFormattingProvider: true,
  codeActionProvider: { codeActionKinds: ["quickfix"] },
  workspace: {
    workspaceFolders: { supported: true },
    fileOperations: {
      willRename: {
        filters: ["**/transforms/**/*.sql", "**/seeds/**/*.csv"].map((glob) => ({
          scheme: "file",
          pattern: { glob, matches: "file" },
        })),
      },
    },
  },
};

const isSql = (path: string): boolean => path.endsWith(".sql");

/** Files whose texts make the project. */
const isWatched = (path: string): boolean => /\.(?:sql|ya?ml|csv|m?[jt]s|py)$/.test(path);

async function defineYaml(
  { view, base }: { readonly view: YamlView; readonly base: number },
  offset: number,
): Promise<FilePlace[]> {
  const name = nameInYamlAt(view, base, offset);
  return name?.kind === "entity" ? await definitionOf(view.space, name.entity) : [];
}
