import type { Child } from "hono/jsx";
import type { HeldBy } from "../../contract/runs/server_status.ts";
import type { Assets } from "../static/assets.ts";
import { Icon, Mark } from "./icons.tsx";
import { Menu, type Section } from "./menu.tsx";
import type { Permission } from "../../contract/access/permissions.ts";
import type { Principal } from "../../contract/access/principal.ts";
import type { PipelineSubject } from "../../contract/access/scope.ts";
import { plainText } from "./plain_text.ts";

/** What every page shows around its own content. */
export interface Frame {
  readonly assets: Pick<Assets, "styleUrl" | "scriptUrl" | "iconUrl">;
  readonly version: string;
  /** Absent where nobody has signed in. */
  readonly user?: Principal;
  /** Whether something is offered to whoever looks; see mayOffer. */
  readonly may: (permission: Permission, about?: PipelineSubject | string) => boolean;
  readonly nowMs: number;
  /** How many problems are open; absent where nobody has signed in. */
  readonly openProblems?: number;
  /** Why the server starts no runs; absent where it does. */
  readonly held?: Held;
}

interface Held {
  readonly by: HeldBy;
  readonly message: string;
}

interface LayoutProps {
  readonly frame: Frame;
  readonly title: string;
  readonly section?: Section;
  /** The page brings its parts marked `data-live` up to date this often; without a script, all of itself. */
  readonly refreshSeconds?: number;
  readonly children?: Child;
}

/** The whole document around a page: head, navigation, the page itself and the foot. */
export function Layout({ frame, title, section, refreshSeconds, children }: LayoutProps) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="referrer" content="same-origin" />
        <title>{`${title} · Sluice`}</title>
        <link rel="icon" href={frame.assets.iconUrl} type="image/svg+xml" />
        <link rel="stylesheet" href={frame.assets.styleUrl} />
        <script type="module" src={frame.assets.scriptUrl}></script>
        {refreshSeconds !== undefined && (
          <noscript>
            <meta http-equiv="refresh" content={String(refreshSeconds)} />
          </noscript>
        )}
      </head>
      <body
        data-now={frame.nowMs}
        {...(refreshSeconds === undefined ? {} : { "data-refresh-seconds": refreshSeconds })}
      >
        <a class="skip-link" href="#main">Skip to content</a>
        <Header frame={frame} section={section} />
        <main id="main">
          {frame.user !== undefined && (
            <div id="held" data-live>{frame.held !== undefined && <HeldNote held={frame.held} />}</div>
          )}
          {children}
        </main>
        <footer class="foot">
          <span>Sluice {frame.version}</span>
          <span>Times are UTC</span>
          {frame.user !== undefined && <a href="/openapi.json">API</a>}
        </footer>
      </body>
    </html>
  );
}

/** What every page says while queued runs do not begin. */
function HeldNote({ held: { by, message } }: { held: Held }) {
  return (
    <div class={`callout ${by === "disk" ? "bad" : "warn"}`} role="status">
      <Icon name={by === "disk" ? "failed" : "warned"} />
      <div>
        <p class="callout-title">No run begins</p>
        <p class="callout-detail">{plainText(message)}</p>
      </div>
    </div>
  );
}

function Header({ frame, section }: { frame: Frame; section: Section | undefined }) {
  const { user } = frame;
  return (
    <header class="top">
      <div class="top-inner">
        <a class="brand" href="/" aria-label="Sluice, home">
          <Mark />
          <span class="brand-name">Sluice</span>
        </a>
        {user !== undefined && <Menu frame={frame} section={section} />}
        {user !== undefined && (
          <form class="who" method="post" action="/logout">
            <a class="who-name" href="/account" title={`Signed in as ${user.name}: your account`}>
              {user.name}
            </a>
            <button class="button ghost" type="submit" aria-label="Sign out">
              <Icon name="leave" />
              <span class="wide-only">Sign out</span>
            </button>
          </form>
        )}
      </div>
    </header>
  );
}

/** The document's text. Components here are synchronous, so nothing is awaited. */
export function renderDocument(page: { toString(): string }): string {
  return `<!doctype html>${page.toString()}`;
}
