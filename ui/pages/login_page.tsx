import { Mark } from "../parts/icons.tsx";
import { type Frame, Layout } from "../parts/layout.tsx";
import { Notice } from "../parts/callouts.tsx";

export interface LoginView {
  readonly frame: Frame;
  /** Where to go afterwards; a path of this server. */
  readonly next: string;
  readonly isRefused: boolean;
}

export function LoginPage({ frame, next, isRefused }: LoginView) {
  return (
    <Layout frame={frame} title="Sign in">
      <form class="login card" method="post" action="/login">
        <Mark />
        <h1>Sign in</h1>
        {isRefused && (
          <Notice message="That token is not known." detail="Copy it again, without spaces around it." />
        )}
        {/* Password managers want a name to keep the token under. */}
        <input type="text" name="username" value="sluice" autocomplete="username" hidden />
        <div class="field">
          <label for="token">Token</label>
          <input
            id="token"
            name="token"
            type="password"
            required
            autofocus
            autocomplete="current-password"
            spellcheck={false}
            aria-describedby="token-hint"
          />
          <p class="hint" id="token-hint">
            The server printed the first one when it started; <code>SLUICE_TOKEN</code> sets it.
          </p>
        </div>
        <input type="hidden" name="next" value={next} />
        <button class="button primary wide" type="submit">Sign in</button>
      </form>
    </Layout>
  );
}

/** Stands for this server, whatever name it is reached by. */
const HERE = "http://sluice.invalid";

/**
 * The path to go to after signing in: only one of this server, so that no link leads elsewhere. A browser
 * resolves it once more, so what comes out is looked at as it does: `/.//evil.com` is `//evil.com` by then.
 */
export function safeNext(next: string | undefined): string {
  if (next === undefined || !next.startsWith("/") || !URL.canParse(next, HERE)) return "/";
  const { origin, pathname, search } = new URL(next, HERE);
  const path = `${pathname}${search}`;
  const isHere = origin === HERE && !path.startsWith("//") && new URL(path, HERE).origin === HERE;
  return isHere ? path : "/";
}
