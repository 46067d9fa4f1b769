import { type Frame, Layout } from "../parts/layout.tsx";
import { plainText } from "../parts/plain_text.ts";

export interface ErrorView {
  readonly frame: Frame;
  readonly status: number;
  readonly title: string;
  readonly message: string;
  /** With it the operator finds the error in the server's log. */
  readonly requestId?: string;
}

export function ErrorPage({ frame, status, title, message, requestId }: ErrorView) {
  return (
    <Layout frame={frame} title={title}>
      <div class="problem">
        <p class="problem-status">{status}</p>
        <h1>{title}</h1>
        <p class="lead">{plainText(message)}</p>
        {requestId !== undefined && (
          <p class="muted">
            Request <code>{requestId}</code>
          </p>
        )}
        <p>
          <a class="button quiet" href="/">To the pipelines</a>
        </p>
      </div>
    </Layout>
  );
}
