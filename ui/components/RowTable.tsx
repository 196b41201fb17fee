/** Rows of a record. */
import type { Schemas } from "../../runtime/api/client.ts";
import { figure } from "./format.ts";
import { rowPlace } from "./row_place.ts";

type Row = Schemas["Row"];

const figureText = (value: number | undefined) => value === undefined ? "" : figure(value);

/** Columns of figures: those that no row fills are left out. */
const FIGURES: readonly (readonly [string, (row: Row) => string])[] = [
  ["n", (row) => figureText(row.n)],
  ["p50", (row) => figureText(row.p50)],
  ["p99", (row) => figureText(row.p99)],
  ["p99.9", (row) => figureText(row.p999)],
  ["value", (row) => figureText(row.value)],
  [
    "95 % interval",
    ({ interval }) => interval ? `${figure(interval.low)} to ${figure(interval.high)}` : "",
  ],
];

export function RowTable({ rows }: { readonly rows: readonly Row[] }) {
  const figures = FIGURES.filter(([, textOf]) => rows.some((row) => textOf(row) !== ""));
  const bounds = rows.some((row) => row.bound !== undefined);
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Rows">
      <table>
        <thead>
          <tr>
            <th>name</th>
            <th>where</th>
            <th>kind</th>
            <th>unit</th>
            {figures.map(([name]) => <th class="figure" key={name}>{name}</th>)}
            {bounds && <th>must be</th>}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, i) => (
            <tr key={i} data-kind={row.kind}>
              <td>{row.name}</td>
              <td>{[row.engine, row.guest, rowPlace(row)].filter(Boolean).join(", ")}</td>
              <td>
                <span class="kind" data-kind={row.kind}>{row.kind}</span>
              </td>
              <td>{row.unit}</td>
              {figures.map(([name, textOf]) => <td class="figure" key={name}>{textOf(row)}</td>)}
              {bounds && (
                <td class={row.holds === false ? "bad" : undefined}>
                  {row.bound}
                  {row.holds === false ? " missed" : ""}
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
