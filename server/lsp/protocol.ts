/** What of the Language Server Protocol is used here, as types alone. */
export type {
  CodeAction,
  CompletionItem,
  CompletionList,
  Connection,
  Diagnostic,
  DocumentSymbol,
  Hover,
  InitializeResult,
  Location,
  Position,
  Range,
  SignatureHelp,
  TextDocumentEdit,
  TextDocuments,
  TextEdit,
  WorkspaceEdit,
} from "vscode-languageserver";
export type { TextDocument } from "vscode-languageserver-textdocument";
