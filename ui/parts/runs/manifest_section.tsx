import type { TableFacts } from "../../../contract/runs/manifest.ts";
import type { RunManifest } from "../../../contract/runs/run_manifest.ts";
import { formatCount } from "../../../text/format.ts";
import { MOST_STEPS } from "../steps/fitting.ts";
import { plainText } from "../plain_text.ts";

/** What the run was made of, folded away: inputs, models and loads with their hashes. */
export function ManifestSection({ manifest }: { manifest: RunManifest }) {
  const { run, versions, inputs, models, loads } = manifest;
  const path = `/runs/${encodeURIComponent(run)}/manifest.json`;
  return (
    <section aria-labelledby="manifest-title">
      <div class="section-head">
        <h2 id="manifest-title">Manifest</h2>
        <a href={path} download={`${run}.json`}>Download</a>
      </div>
      <div class="card">
        <p class="log-note">
          {versions.length === 0
            ? "No step was done."
            : `Done by ${
              versions.map(({ sluice, duckdb }) => `Sluice ${sluice} with DuckDB ${duckdb}`).join(", then ")
            }.`} A hash is that of a table's columns and rows, whatever their order.
        </p>
        {inputs.length > 0 && <FactTable title="Read" facts={inputs} />}
        {models.length > 0 && (
          <div class="table-scroll" tabindex={0} role="region" aria-label="Models">
            <table class="data">
              <thead>
                <tr>
                  <th scope="col">Model</th>
                  <th scope="col">SQL</th>
                  <th scope="col" class="number">Rows</th>
                  <th scope="col">Rows' hash</th>
                  <th scope="col">Built from</th>
                </tr>
              </thead>
              <tbody>
                {models.slice(0, MOST_STEPS).map((
                  { model, sha256, output, rows, inputs = [], before, calls = [] },
                ) => (
                  <tr>
                    <td>{plainText(model)}</td>
                    <td title={sha256 ?? undefined}>
                      {sha256 === null ? "" : <code>{sha256.slice(0, 12)}</code>}
                      {calls.map((call) => (
                        <div class="muted" title={call.sha256 ?? undefined}>
                          calls {plainText(call.script)} {call.sha256?.slice(0, 12)}
                        </div>
                      ))}
                    </td>
                    <td class="number">{formatCount(output?.rows ?? rows)}</td>
                    <td>
                      <HashCell facts={output} />
                    </td>
                    <td>
                      {plainText(
                        [...(before === undefined ? [] : [before]), ...inputs].map(nameOf).join(", "),
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
            {models.length > MOST_STEPS && (
              <p class="log-note">
                and {formatCount(models.length - MOST_STEPS)} more: the file has them all.
              </p>
            )}
          </div>
        )}
        {loads.length > 0 && (
          <FactTable
            title="Loaded"
            facts={loads.map(({ load, rows, hash = null }) => ({ table: load, rows, hash }))}
          />
        )}
      </div>
    </section>
  );
}

const nameOf = ({ table }: TableFacts): string => table;

function FactTable({ title, facts }: { title: string; facts: readonly TableFacts[] }) {
  return (
    <div class="table-scroll" tabindex={0} role="region" aria-label={title}>
      <table class="data">
        <thead>
          <tr>
            <th scope="col">{title}</th>
            <th scope="col" class="number">Rows</th>
            <th scope="col">Hash</th>
          </tr>
        </thead>
        <tbody>
          {facts.map((one) => (
            <tr>
              <td>{plainText(one.table)}</td>
              <td class="number">{formatCount(one.rows)}</td>
              <td>
                <HashCell facts={one} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function HashCell({ facts }: { facts: TableFacts | undefined }) {
  if (facts === undefined) return null;
  return facts.hash === null
    ? <span class="muted">{facts.left_out === undefined ? "none" : plainText(facts.left_out)}</span>
    : <code title={facts.hash}>{facts.hash.slice(0, 12)}</code>;
}
