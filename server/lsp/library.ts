/**
 * The protocol's library as it is loaded when it is first needed. Its names stand here one by one: a bundle finds those of a
 * CommonJS package in an `import` of this kind only.
 */
export {
  createConnection,
  LSPErrorCodes,
  ProposedFeatures,
  ResponseError,
  StreamMessageReader,
  StreamMessageWriter,
  TextDocuments,
} from "vscode-languageserver/node";
export { TextDocument } from "vscode-languageserver-textdocument";
