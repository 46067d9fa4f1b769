/**
 * Whole modules apart, to be loaded when they are first needed: the bundle takes their CommonJS form, whose names only a
 * static import finds.
 */
export { ZxcvbnFactory } from "@zxcvbn-ts/core";
export { adjacencyGraphs, dictionary } from "@zxcvbn-ts/language-common";
