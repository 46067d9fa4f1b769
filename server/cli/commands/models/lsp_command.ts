import { join, resolve } from "node:path";
import process from "node:process";
import { VERSION } from "../../../../contract/settings/version.ts";
import type { CommandRun } from "../../command.ts";
import { createCommandLog } from "../../command_log.ts";
import { knownColumnsIn } from "../../dev/known_columns.ts";
import { readFolders } from "../../settings.ts";

/**
 * `sluice lsp`: a language server over stdin and stdout, for editors. Without `--project` it finds the project of each file
 * by itself.
 */
export const lsp: CommandRun = async (invocation, context) => {
  const library = await import("../../../lsp/library.ts");
  const { serveLanguage } = await import("../../../lsp/language_server.ts");
  const { TextDocument } = library;
  const folders = readFolders(invocation, context);
  const data = invocation.text("data");
  const reader = new library.StreamMessageReader(process.stdin);
  const writer = new library.StreamMessageWriter(process.stdout);
  const connection = library.createConnection(library.ProposedFeatures.all, reader, writer);
  const documents = new library.TextDocuments(TextDocument);
  const log = createCommandLog(context.terminal);
  let schemas: ReturnType<typeof context.backend.projectSchemas> | undefined;
  await using _server = serveLanguage({
    connection,
    documents,
    documentOf: (uri, text) => TextDocument.create(uri, "", 0, text),
    version: VERSION,
    open: (projectDir) => {
      const dataDir = data === undefined ? join(projectDir, ".sluice") : resolve(context.cwd, data);
      const place = { ...folders, projectDir, dataDir };
      const known = knownColumnsIn(place, context, invocation.command);
      // Without what runs have seen there is less to tell, and no reason to tell nothing.
      const knownColumns: typeof known = (pipeline) => known(pipeline).catch(() => ({}));
      return context.backend.openLive({ ...place, knownColumns, log });
    },
    refusal: (reason) => new library.ResponseError(library.LSPErrorCodes.RequestFailed, reason),
    schemas: () => schemas ??= context.backend.projectSchemas(),
    only: invocation.text("project") === undefined ? undefined : folders.projectDir,
  });
  // The editor is gone, whether it has said so or not.
  const { promise: isGone, resolve: leave } = Promise.withResolvers<void>();
  reader.onClose(() => leave());
  process.stdin.once("end", () => leave());
  using _interrupts = context.onInterrupt(() => leave(), { withHangup: true });
  documents.listen(connection);
  connection.listen();
  await isGone;
  return 0;
};
