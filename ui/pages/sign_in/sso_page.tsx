import { Mark } from "../../parts/icons.tsx";
import { type Frame, Layout } from "../../parts/layout.tsx";
import { Notice } from "../../parts/callouts.tsx";

export interface SsoRefusedView {
  readonly frame: Frame;
  readonly message: string;
  /** Begins the same again. */
  readonly againUrl: string;
}

/** A sign-in at the identity provider that came to nothing. */
export function SsoRefusedPage({ frame, message, againUrl }: SsoRefusedView) {
  return (
    <Layout frame={frame} title="Not signed in">
      <div class="login card">
        <Mark />
        <h1>Not signed in</h1>
        <Notice message={message} />
        <a class="button primary wide" href={againUrl}>Begin again</a>
        <p class="login-others">
          <a href="/login">Other ways to sign in</a>
        </p>
      </div>
    </Layout>
  );
}

/** The session here has ended; the identity provider's goes on until it is asked as well. */
export function SignedOutPage({ frame, endUrl }: { readonly frame: Frame; readonly endUrl: string }) {
  return (
    <Layout frame={frame} title="Signed out">
      <div class="login card">
        <Mark />
        <h1>Signed out</h1>
        <p>
          You are signed out of Sluice.{" "}
          <a href={endUrl}>Sign out at the identity provider, too</a>, if your browser does not go there by
          itself.
        </p>
      </div>
    </Layout>
  );
}
