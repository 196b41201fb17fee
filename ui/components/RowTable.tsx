/** Rows of a record. */
import type { Schemas } from "../../runtime/api/client.ts";

type Row = Schemas["Row"];

const figure = (value: number | undefined) =>
  value === undefined ? "" : value.toLocaleString("en", { maximumSignificantDigits: 4 });

/** Where the row of an experiment lies on its axes. */
function placeOf(row: Row): string[] {
  return Object.entries(row.at ?? {}).map(([name, value]) => `${name} ${value}`);
}

export function RowTable({ rows }: { readonly rows: readonly Row[] }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Rows">
      <table>
        <thead>
          <tr>
            <th>name</th>
            <th>where</th>
            <th>kind</th>
            <th>unit</th>
            {["n", "p50", "p99", "p99.9", "value"].map((name) => (
              <th class="figure" key={name}>{name}</th>
            ))}
            <th>must be</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row, i) => (
            <tr key={i}>
              <td>{row.name}</td>
              <td>
                {[row.engine, row.placement, row.notification, row.guest, ...placeOf(row)].filter(
                  Boolean,
                ).join(
                  ", ",
                )}
              </td>
              <td>
                <span class="kind" data-kind={row.kind}>{row.kind}</span>
              </td>
              <td>{row.unit}</td>
              {[row.n, row.p50, row.p99, row.p999, row.value].map((value, column) => (
                <td class="figure" key={column}>{figure(value)}</td>
              ))}
              <td class={row.holds === false ? "bad" : undefined}>
                {row.bound}
                {row.holds === false ? " missed" : ""}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
