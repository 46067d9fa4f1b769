import type { ConnectorSummary, ConnectorTest, SourceStream } from "../../contract/discovery.ts";
import { formatBytes, formatCount } from "../../text/format.ts";
import { ActionForm } from "../parts/action_form.tsx";
import { Empty } from "../parts/empty.tsx";
import { type Frame, Layout } from "../parts/layout.tsx";
import { plainText } from "../parts/plain_text.ts";
import { DataTable } from "../parts/tables/data_table.tsx";

const pathOf = (name: string): string => `/connectors/${encodeURIComponent(name)}`;

export interface ConnectorsView {
  readonly frame: Frame;
  readonly connectors: readonly ConnectorSummary[];
}

/** The connectors of the project. */
export function ConnectorsPage({ frame, connectors }: ConnectorsView) {
  return (
    <Layout frame={frame} title="Connectors" section="connectors">
      <div class="page-head">
        <div class="page-title">
          <h1>Connectors</h1>
        </div>
      </div>
      {connectors.length === 0
        ? (
          <Empty title="No connectors yet">
            <p>The project's connectors.yaml names them.</p>
          </Empty>
        )
        : (
          <DataTable label="Connectors" heads={["Name", "Type", "What it is"]}>
            {connectors.map(({ name, type, description }) => (
              <tr>
                <th scope="row">
                  <a href={pathOf(name)}>{plainText(name)}</a>
                </th>
                <td>{plainText(type)}</td>
                <td class="about">{plainText(description)}</td>
              </tr>
            ))}
          </DataTable>
        )}
    </Layout>
  );
}

export interface ConnectorView {
  readonly frame: Frame;
  readonly connector: ConnectorSummary;
  /** Whether the user may have the system asked. */
  readonly mayAsk: boolean;
  /** What was just found. */
  readonly test?: ConnectorTest;
  readonly streams?: readonly SourceStream[];
}

/** One connector: what works of it and what it has to read, when that is asked. */
export function ConnectorPage({ frame, connector, mayAsk, test, streams }: ConnectorView) {
  const path = pathOf(connector.name);
  return (
    <Layout frame={frame} title={connector.name} section="connectors">
      <div class="page-head">
        <div class="page-title">
          <p class="crumbs">
            <a href="/connectors">Connectors</a>
          </p>
          <h1>{plainText(connector.name)}</h1>
          <p class="lead">{plainText(`${connector.type}: ${connector.description}`)}</p>
        </div>
        {mayAsk && (
          <div class="actions">
            <ActionForm action={`${path}/test`} icon="check" label="Test" title={`Test ${connector.name}`} />
            <ActionForm
              action={`${path}/discover`}
              icon="search"
              label="Discover"
              title={`Discover the streams of ${connector.name}`}
            />
          </div>
        )}
      </div>
      {!mayAsk && (
        <p class="muted">To test it, or to see what it has to read, takes the role engineer or admin.</p>
      )}
      {test !== undefined && <Checks test={test} />}
      {streams !== undefined && <Streams streams={streams} />}
    </Layout>
  );
}

function Checks({ test }: { test: ConnectorTest }) {
  return (
    <section aria-labelledby="test-title">
      <h2 id="test-title">What works</h2>
      <DataTable label="What works" heads={["Check", "State", "What was found"]}>
        {test.checks.map(({ name, state, message }) => (
          <tr>
            <th scope="row">{plainText(name)}</th>
            <td>{state}</td>
            <td class="about">{plainText(message)}</td>
          </tr>
        ))}
      </DataTable>
    </section>
  );
}

function Streams({ streams }: { streams: readonly SourceStream[] }) {
  if (streams.length === 0) return <Empty title="It has no streams that its user may read" />;
  return (
    <section aria-labelledby="streams-title">
      <h2 id="streams-title">
        Streams <span class="count">{streams.length}</span>
      </h2>
      <DataTable
        label="Streams"
        heads={["Stream", "Kind", { number: "Rows" }, { number: "Size" }, "Key", "Columns"]}
      >
        {streams.map((stream) => (
          <tr>
            <th scope="row">{plainText(stream.name)}</th>
            <td>{stream.kind}</td>
            <td class="number">{stream.rows === null ? "" : formatCount(stream.rows)}</td>
            <td class="number">{stream.size_bytes === null ? "" : formatBytes(stream.size_bytes)}</td>
            <td>{plainText(stream.primary_key.join(", "))}</td>
            <td class="about">
              {plainText(stream.columns.map(({ name, type }) => `${name} ${type}`).join(", "))}
            </td>
          </tr>
        ))}
      </DataTable>
    </section>
  );
}
