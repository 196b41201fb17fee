/** How one run of an experiment differs from another, figure by figure, as a table with a plot in it. */
import type { Schemas } from "../../runtime/api/client.ts";
import { DifferenceAxis, DifferencePlot } from "./DifferencePlot.tsx";
import { figure, signed, signedPercent } from "./format.ts";
import { limitOf, relativeOf } from "./relative_scale.ts";
import { rowPlace } from "./row_place.ts";

export function ComparisonTable({ a, b, rows }: Schemas["Comparison"]) {
  const relatives = rows.map(relativeOf);
  const limit = limitOf(relatives.filter((one) => one !== undefined));
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Differences">
      <table class="comparison">
        <thead>
          <tr>
            <th>figure</th>
            <th>kind</th>
            <th>unit</th>
            <th class="figure">run {a.run}</th>
            <th class="figure">run {b.run}</th>
            <th class="figure">difference</th>
            <th class="figure">95 % interval</th>
            <th>
              share of run {a.run}
              <DifferenceAxis limit={limit} />
            </th>
            <th>verdict</th>
            <th class="figure">p</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row, i) => {
            const { kind, interval, p, verdict } = row, relative = relatives[i];
            return (
              <tr key={i} data-kind={kind} data-verdict={verdict}>
                <td>
                  {row.name} <span class="quiet">{rowPlace(row)}</span>
                </td>
                <td>
                  <span class="kind" data-kind={kind}>{kind}</span>
                </td>
                <td>{row.unit}</td>
                <td class="figure">{figure(row.a)}</td>
                <td class="figure">{figure(row.b)}</td>
                <td class="figure">
                  {signed(row.difference)}
                  {relative && <span class="quiet">{signedPercent(relative.difference)}</span>}
                </td>
                <td class="figure">
                  {interval && `${signed(interval.low)} to ${signed(interval.high)}`}
                </td>
                <td>
                  {relative && <DifferencePlot kind={kind} relative={relative} limit={limit} />}
                </td>
                <td class="verdict">{verdict}</td>
                <td class="figure">{p !== undefined && figure(p)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
