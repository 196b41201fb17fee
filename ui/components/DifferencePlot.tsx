/**
 * A row of a plot whose lines are a table's: a difference and its interval on the table's scale. What
 * is measured has a full dot, what is modelled a hollow one.
 */
import type { Schemas } from "../../runtime/api/client.ts";
import { signedPercent } from "./format.ts";
import { placeOn, type Relative } from "./relative_scale.ts";

/** From the middle to an end, and to the edge. */
const HALF = 80, EDGE = 92, ROW_HEIGHT = 20, AXIS_HEIGHT = 30;
const DOT = 4, WHISKER = 4;

function viewBox(height: number): string {
  return `${-EDGE} ${-height / 2} ${2 * EDGE} ${height}`;
}

export interface DifferencePlotProps {
  readonly kind: Schemas["ComparedRow"]["kind"];
  readonly relative: Relative;
  readonly limit: number;
}

function describe({ difference, interval }: Relative): string {
  const bounds = interval && [interval.low, interval.high].map(signedPercent).join(" to ");
  return signedPercent(difference) + (bounds ? `, between ${bounds}` : "");
}

export function DifferencePlot({ kind, relative, limit }: DifferencePlotProps) {
  const { difference, interval } = relative;
  const x = (value: number) => HALF * placeOn(limit, value);
  const beyond = Math.abs(difference) > limit ? Math.sign(difference) : 0;
  return (
    <svg
      class="difference-plot"
      data-kind={kind}
      role="img"
      aria-label={describe(relative)}
      viewBox={viewBox(ROW_HEIGHT)}
      width={2 * EDGE}
      height={ROW_HEIGHT}
    >
      <line class="zero" y1={-ROW_HEIGHT / 2} y2={ROW_HEIGHT / 2} />
      {interval && (
        <>
          <line class="interval" x1={x(interval.low)} x2={x(interval.high)} />
          {[interval.low, interval.high].map((end) => (
            Math.abs(end) <= limit &&
            <line class="interval" x1={x(end)} x2={x(end)} y1={-WHISKER} y2={WHISKER} />
          ))}
        </>
      )}
      {beyond === 0
        ? <circle cx={x(difference)} r={DOT} />
        : <path d={`M${beyond * (HALF + 10)},0l${-beyond * 9},-5v10z`} />}
    </svg>
  );
}

/** The scale above the plot's rows. */
export function DifferenceAxis({ limit }: { readonly limit: number }) {
  return (
    <svg
      class="difference-plot"
      aria-hidden="true"
      viewBox={viewBox(AXIS_HEIGHT)}
      width={2 * EDGE}
      height={AXIS_HEIGHT}
    >
      {[-limit, 0, limit].map((value) => (
        <g key={value} transform={`translate(${HALF * placeOn(limit, value)},0)`}>
          <text text-anchor={value < 0 ? "start" : value > 0 ? "end" : "middle"}>
            {signedPercent(value)}
          </text>
          <line class="zero" y1={5} y2={AXIS_HEIGHT / 2} />
        </g>
      ))}
    </svg>
  );
}
