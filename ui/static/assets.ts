import { createHash } from "node:crypto";
import icon from "./icon.svg" with { type: "text" };
import graphScript from "./graph.js" with { type: "text" };
import script from "./live.js" with { type: "text" };
import passkeyScript from "./passkeys.js" with { type: "text" };
import { STYLESHEET } from "./stylesheet.ts";

/**
 * The pages' stylesheet, script and icon. They are imported as text, so a bundle holds them; each
 * address carries the hash of its content, so a browser may keep it for ever.
 */
export interface Assets {
  readonly styleUrl: string;
  readonly scriptUrl: string;
  readonly iconUrl: string;
  /** The asset at the address; undefined for any other. */
  find(path: string): Asset | undefined;
}

export interface Asset {
  readonly contentType: string;
  readonly body: string;
}

/** Takes the hashes; to be called once a server. */
export function createAssets(): Assets {
  const byPath = new Map<string, Asset>();
  const add = (name: string, extension: string, contentType: string, body: string): string => {
    const hash = createHash("sha256").update(body).digest("hex").slice(0, 12);
    const path = `/static/${name}.${hash}.${extension}`;
    byPath.set(path, { contentType, body });
    return path;
  };
  return {
    styleUrl: add("style", "css", "text/css; charset=utf-8", STYLESHEET),
    scriptUrl: add(
      "live",
      "js",
      "text/javascript; charset=utf-8",
      [script, graphScript, passkeyScript].map((part) => `{\n${part}\n}\n`).join(""),
    ),
    iconUrl: add("icon", "svg", "image/svg+xml", icon),
    find: (path) => byPath.get(path),
  };
}
