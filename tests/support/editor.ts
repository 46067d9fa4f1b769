import { pathToFileURL } from "node:url";
import { join } from "node:path";
import process from "node:process";
import { spawn } from "node:child_process";
import {
  type CodeAction,
  CodeActionRequest,
  type CompletionItem,
  type CompletionList,
  CompletionRequest,
  createProtocolConnection,
  DefinitionRequest,
  type Diagnostic,
  DidChangeTextDocumentNotification,
  DidCloseTextDocumentNotification,
  DidOpenTextDocumentNotification,
  DidSaveTextDocumentNotification,
  DocumentFormattingRequest,
  type DocumentSymbol,
  DocumentSymbolRequest,
  ExitNotification,
  type Hover,
  HoverRequest,
  InitializedNotification,
  InitializeRequest,
  type InitializeResult,
  type Location,
  type Position,
  PrepareRenameRequest,
  PublishDiagnosticsNotification,
  ReferencesRequest,
  RenameRequest,
  ShowMessageNotification,
  ShutdownRequest,
  type SignatureHelp,
  SignatureHelpRequest,
  StreamMessageReader,
  StreamMessageWriter,
  type TextEdit,
  WillRenameFilesRequest,
  type WorkspaceEdit,
} from "vscode-languageserver-protocol/node";
import { TextDocument } from "vscode-languageserver-textdocument";
import { sluiceArgs } from "./sluice_server.ts";

/** One that waits longer fails. */
const DEADLINE_MS = 30_000;

/** Where the mark ▮ stands in a text, and the text without it. */
export function marked(text: string): { readonly text: string; readonly position: Position } {
  const at = text.indexOf("▮");
  const before = text.slice(0, at).split(/\r\n|\n|\r/);
  return {
    text: text.slice(0, at) + text.slice(at + 1),
    position: { line: before.length - 1, character: before.at(-1)?.length ?? 0 },
  };
}

/** An editor without a screen: the client side of the protocol's own library, with `sluice lsp` behind it. */
export class TestEditor implements AsyncDisposable {
  readonly #process;
  readonly #connection;
  readonly #diagnostics = new Map<string, readonly Diagnostic[]>();
  readonly #wake = new Set<() => void>();
  readonly #versions = new Map<string, number>();
  readonly messages: string[] = [];
  #started: InitializeResult | undefined;

  readonly #renamesFiles;

  constructor(args: readonly string[] = [], { renamesFiles = true } = {}) {
    this.#renamesFiles = renamesFiles;
    const child = spawn(Deno.execPath(), sluiceArgs("lsp", ...args), { stdio: ["pipe", "pipe", "pipe"] });
    this.#process = child;
    this.#connection = createProtocolConnection(
      new StreamMessageReader(child.stdout),
      new StreamMessageWriter(child.stdin),
    );
    child.stderr.on("data", (bytes) => void this.messages.push(String(bytes)));
    this.#connection.onNotification(PublishDiagnosticsNotification.type, ({ uri, diagnostics }) => {
      this.#diagnostics.set(uri, diagnostics);
      for (const wake of this.#wake) wake();
    });
    this.#connection.onNotification(ShowMessageNotification.type, ({ message }) => {
      this.messages.push(message);
      for (const wake of this.#wake) wake();
    });
    this.#connection.listen();
  }

  async start(folders: readonly string[] | null): Promise<InitializeResult> {
    const workspaceFolders = folders?.map((folder) => ({ uri: pathToFileURL(folder).href, name: folder })) ??
      null;
    this.#started = await this.#connection.sendRequest(InitializeRequest.type, {
      processId: process.pid,
      rootUri: null,
      capabilities: {
        textDocument: { completion: { completionItem: { snippetSupport: true } } },
        ...(this.#renamesFiles
          ? { workspace: { workspaceEdit: { documentChanges: true, resourceOperations: ["rename"] } } }
          : {}),
      },
      workspaceFolders,
    });
    await this.#connection.sendNotification(InitializedNotification.type, {});
    return this.#started;
  }

  async open(path: string, text: string): Promise<string> {
    const uri = pathToFileURL(path).href;
    const languageId = path.endsWith(".sql") ? "sql" : "yaml";
    this.#versions.set(uri, 1);
    await this.#connection.sendNotification(DidOpenTextDocumentNotification.type, {
      textDocument: { uri, languageId, version: 1, text },
    });
    return uri;
  }

  /** The whole text anew. */
  async change(uri: string, text: string): Promise<void> {
    const version = (this.#versions.get(uri) ?? 1) + 1;
    this.#versions.set(uri, version);
    await this.#connection.sendNotification(DidChangeTextDocumentNotification.type, {
      textDocument: { uri, version },
      contentChanges: [{ text }],
    });
  }

  async save(uri: string): Promise<void> {
    await this.#connection.sendNotification(DidSaveTextDocumentNotification.type, { textDocument: { uri } });
  }

  async close(uri: string): Promise<void> {
    await this.#connection.sendNotification(DidCloseTextDocumentNotification.type, { textDocument: { uri } });
  }

  /** Waits until what was published of a file is as wanted. */
  async diagnostics(
    uri: string,
    isWanted: (diagnostics: readonly Diagnostic[]) => boolean,
  ): Promise<readonly Diagnostic[]> {
    return await this.#until(() => {
      const known = this.#diagnostics.get(uri);
      return known !== undefined && isWanted(known) ? known : undefined;
    }, () => `${uri}: ${JSON.stringify(this.#diagnostics.get(uri))}, ${this.messages.join("\n")}`);
  }

  async message(pattern: RegExp): Promise<string> {
    return await this.#until(
      () => this.messages.find((message) => pattern.test(message)),
      () => this.messages.join("\n"),
    );
  }

  async complete(uri: string, position: Position): Promise<readonly CompletionItem[]> {
    const found: CompletionItem[] | CompletionList | null = await this.#connection.sendRequest(
      CompletionRequest.type,
      { textDocument: { uri }, position },
    );
    return found === null ? [] : Array.isArray(found) ? found : found.items;
  }

  /** The Markdown. */
  async hover(uri: string, position: Position): Promise<string> {
    const found: Hover | null = await this.#connection.sendRequest(HoverRequest.type, {
      textDocument: { uri },
      position,
    });
    const contents = found?.contents;
    return typeof contents === "object" && "value" in contents ? contents.value : "";
  }

  async signature(uri: string, position: Position): Promise<SignatureHelp | null> {
    return await this.#connection.sendRequest(SignatureHelpRequest.type, { textDocument: { uri }, position });
  }

  async definition(uri: string, position: Position): Promise<readonly Location[]> {
    const found = await this.#connection.sendRequest(DefinitionRequest.type, {
      textDocument: { uri },
      position,
    });
    return locationsOf(found);
  }

  async references(uri: string, position: Position): Promise<readonly Location[]> {
    const found = await this.#connection.sendRequest(ReferencesRequest.type, {
      textDocument: { uri },
      position,
      context: { includeDeclaration: true },
    });
    return found ?? [];
  }

  /** The name that may be another one, or why it may not. */
  async prepareRename(uri: string, position: Position): Promise<string | undefined> {
    const found = await this.#connection.sendRequest(PrepareRenameRequest.type, {
      textDocument: { uri },
      position,
    });
    return found !== null && "placeholder" in found ? found.placeholder : undefined;
  }

  /** Rejects with the server's reason. */
  async rename(uri: string, position: Position, newName: string): Promise<WorkspaceEdit | null> {
    return await this.#connection.sendRequest(RenameRequest.type, {
      textDocument: { uri },
      position,
      newName,
    });
  }

  /** A file is about to have another name. */
  async willRename(from: string, to: string): Promise<WorkspaceEdit | null> {
    return await this.#connection.sendRequest(WillRenameFilesRequest.type, {
      files: [{ oldUri: pathToFileURL(from).href, newUri: pathToFileURL(to).href }],
    });
  }

  async symbols(uri: string): Promise<readonly DocumentSymbol[]> {
    const found = await this.#connection.sendRequest(DocumentSymbolRequest.type, { textDocument: { uri } });
    return (found ?? []).flatMap((symbol) => "selectionRange" in symbol ? [symbol] : []);
  }

  async format(uri: string): Promise<readonly TextEdit[] | null> {
    return await this.#connection.sendRequest(DocumentFormattingRequest.type, {
      textDocument: { uri },
      options: { tabSize: 2, insertSpaces: true },
    });
  }

  async actions(uri: string, diagnostic: Diagnostic): Promise<readonly CodeAction[]> {
    const found = await this.#connection.sendRequest(CodeActionRequest.type, {
      textDocument: { uri },
      range: diagnostic.range,
      context: { diagnostics: [diagnostic] },
    });
    return (found ?? []).flatMap((action) => "edit" in action ? [action] : []);
  }

  /** Goes without a word, as an editor that was killed. Returns the server's exit code. */
  async vanish(): Promise<number | null> {
    const ended = this.#ended();
    const deadline = setTimeout(() => this.#process.kill("SIGKILL"), DEADLINE_MS);
    this.#process.stdin.end();
    const code = await ended;
    clearTimeout(deadline);
    this.#connection.dispose();
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const ended = this.#ended();
    const deadline = setTimeout(() => this.#process.kill("SIGKILL"), DEADLINE_MS);
    await this.#connection.sendRequest(ShutdownRequest.type);
    await this.#connection.sendNotification(ExitNotification.type);
    await ended;
    clearTimeout(deadline);
    this.#connection.dispose();
  }

  async #ended(): Promise<number | null> {
    return await new Promise((resolve) => this.#process.once("close", (code) => resolve(code)));
  }

  async #until<T>(find: () => T | undefined, explain: () => string): Promise<T> {
    const deadlineMs = performance.now() + DEADLINE_MS;
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0) throw new Error(`nothing came: ${explain()}`);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake.add(resolve);
      const timer = setTimeout(resolve, leftMs);
      await promise;
      clearTimeout(timer);
      this.#wake.delete(resolve);
    }
  }
}

function locationsOf(found: unknown): Location[] {
  const list: unknown[] = Array.isArray(found) ? found : found === null ? [] : [found];
  return list.filter((one): one is Location => typeof one === "object" && one !== null && "uri" in one);
}

/** `transforms/shop/daily.sql:3:8`, from 1, in a project. */
export function placeText({ uri, range: { start } }: Location, projectDir: string): string {
  const root = pathToFileURL(join(projectDir, "/")).href;
  return `${decodeURIComponent(uri.replace(root, ""))}:${start.line + 1}:${start.character + 1}`;
}

/** Texts of a project after an edit, by their paths; `null` for a file that has another name. */
export async function afterEdit(
  edit: WorkspaceEdit | null,
  projectDir: string,
  textOf: (path: string) => string | Promise<string>,
): Promise<Record<string, string | null>> {
  const root = pathToFileURL(join(projectDir, "/")).href;
  const pathOf = (uri: string) => decodeURIComponent(uri.replace(root, ""));
  const texts: Record<string, string | null> = {};
  for (const change of edit?.documentChanges ?? []) {
    if ("edits" in change) {
      const path = pathOf(change.textDocument.uri);
      const edits = change.edits.flatMap((one) => "newText" in one ? [one] : []);
      texts[path] = TextDocument.applyEdits(TextDocument.create(path, "", 0, await textOf(path)), edits);
    } else if (change.kind === "rename") {
      const [from, to] = [pathOf(change.oldUri), pathOf(change.newUri)];
      texts[to] = texts[from] ?? await textOf(from);
      texts[from] = null;
    }
  }
  return texts;
}
