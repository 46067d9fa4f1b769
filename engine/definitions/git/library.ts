/**
 * The git library as it is loaded when it is first needed. Its names stand here one by one: a bundle finds those of a
 * CommonJS package in an `import` of this kind only.
 */
export {
  Errors,
  expandOid,
  fetch,
  getRemoteInfo2,
  log,
  readBlob,
  readCommit,
  readTree,
  resolveRef,
} from "isomorphic-git";
