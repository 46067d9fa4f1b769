/**
 * The git library as it is loaded when it is first needed. Its names stand here one by one: a bundle finds those of a
 * CommonJS package in an `import` of this kind only.
 */
export {
  addRemote,
  Errors,
  expandOid,
  fetch,
  init,
  listServerRefs,
  readBlob,
  readCommit,
  readTree,
  resolveRef,
} from "isomorphic-git";
