import type { FailedRows } from "../../../contract/checks/failed_rows.ts";
import type { RunDetail } from "../../../contract/run.ts";
import { formatPlural } from "../../../text/format.ts";
import { Empty } from "../../parts/empty.tsx";
import { type Frame, Layout } from "../../parts/layout.tsx";
import { plainText } from "../../parts/plain_text.ts";
import { Breakable } from "../../parts/steps/step_names.tsx";

export interface FailedRowsView {
  readonly frame: Frame;
  readonly run: RunDetail;
  readonly found: FailedRows;
}

/** The rows that failed a check in a run, as far as they were kept. */
export function FailedRowsPage({ frame, run, found }: FailedRowsView) {
  const error = run.steps.find(({ name }) => name === found.check)?.error ?? null;
  const name = found.check.slice("check:".length);
  return (
    <Layout frame={frame} title={`${name} · ${run.pipeline}`} section="runs">
      <div class="page-head">
        <div class="page-title">
          <p class="crumbs">
            <a href="/runs">Runs</a> <span>/</span> <a href={`/runs/${run.id}`}>{run.pipeline}</a>
          </p>
          <h1>
            <Breakable text={name} />
          </h1>
          {error !== null && <p class="lead">{plainText(error.message)}</p>}
        </div>
      </div>
      <section aria-labelledby="rows-title">
        <h2 id="rows-title">
          {found.rows.length === found.failures
            ? "Rows that fail"
            : `First ${formatPlural(found.rows.length, "row")} of ${found.failures} that fail`}
        </h2>
        <div class="card">
          {found.rows.length === 0
            ? (
              <Empty title="No rows were kept">
                A check that passes, or that looks at a table as a whole, has none.
              </Empty>
            )
            : (
              <div class="table-scroll" tabindex={0} role="region" aria-label="Rows that fail">
                <table class="data">
                  <thead>
                    <tr>{found.columns.map((column) => <th scope="col">{plainText(column)}</th>)}</tr>
                  </thead>
                  <tbody>
                    {found.rows.map((row) => (
                      <tr>
                        {row.map((cell) => (
                          <td title={cell !== null && cell.length > 40 ? plainText(cell) : undefined}>
                            {cell === null ? <span class="null">NULL</span> : plainText(cell)}
                          </td>
                        ))}
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            )}
        </div>
      </section>
    </Layout>
  );
}
