import type { StreamSchema } from "../../../contract/stream_schema.ts";
import { plainText } from "../plain_text.ts";
import { RunLink } from "../runs/run_link.tsx";
import { DataTable } from "./data_table.tsx";
import { Moment } from "../times.tsx";

/** How a stream's columns came to be what they are; nothing where they never changed. */
export function SchemaChanges({ schema }: { schema: StreamSchema }) {
  const changes = schema.versions.flatMap(({ changed_at, run, changes }) =>
    changes.map((change) => ({ ...change, changed_at, run }))
  );
  if (changes.length === 0) return null;
  return (
    <section aria-labelledby="schema-title">
      <h2 id="schema-title">
        Changes of columns <span class="count">{changes.length}</span>
      </h2>
      <DataTable label="Changes of columns" heads={["When", "Run", "What"]}>
        {changes.map(({ changed_at, run, message }) => (
          <tr>
            <td>
              <Moment at={changed_at} />
            </td>
            <td>
              <RunLink id={run} />
            </td>
            <td class="about">{plainText(message)}</td>
          </tr>
        ))}
      </DataTable>
    </section>
  );
}
