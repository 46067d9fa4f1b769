import docsScript from "./docs.js" with { type: "text" };
import graphScript from "./graph.js" with { type: "text" };
import icon from "./icon.svg" with { type: "text" };
import docsStyle from "./docs.css" with { type: "text" };
import { STYLESHEET } from "./stylesheet.ts";

/** What static docs need beside their pages. */
export const DOCS_ASSETS = {
  style: `${STYLESHEET}\n${docsStyle}`,
  script: [graphScript, docsScript].map((part) => `{\n${part}\n}\n`).join(""),
  icon,
};
