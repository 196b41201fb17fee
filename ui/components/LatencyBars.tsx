/** A histogram of waits: bars, the same in words, and as a table. */
import { short, time } from "./format.ts";
import { latencyBars, type Waits } from "./latency_bars.ts";

/** Units of the picture, which fills its place. */
const WIDTH = 1000, HEIGHT = 100;
/** Of a bar's place, how much is gap. */
const GAP = 0.15;

function span(fromNs: number, toNs: number): string {
  return toNs === Infinity ? `${time(fromNs)} and more` : `${time(fromNs)} to ${time(toNs)}`;
}

export interface LatencyBarsProps {
  /** What waited. */
  readonly name: string;
  readonly waits: Waits;
  readonly boundsNs: readonly number[];
}

export function LatencyBars({ name, waits, boundsNs }: LatencyBarsProps) {
  const { bars, ticks, p50, p99 } = latencyBars(waits, boundsNs);
  const step = WIDTH / bars.length;
  const words = waits.n === 0
    ? `${name}: none yet`
    : `${name}: ${short(waits.n)} waits, half of them up to ${time(waits.p50Ns)}, ` +
      `99 % up to ${time(waits.p99Ns)}`;
  const line = (at: number, mark: string) => (
    <line class={mark} x1={at * WIDTH} x2={at * WIDTH} y1={0} y2={HEIGHT} />
  );
  return (
    <figure class="latency">
      <svg
        role="img"
        aria-label={words}
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
      >
        {bars.map(({ height }, i) => (
          <rect
            key={i}
            x={(i + GAP / 2) * step}
            width={(1 - GAP) * step}
            y={(1 - height) * HEIGHT}
            height={height * HEIGHT}
          />
        ))}
        {waits.n > 0 && line(p50, "p50")}
        {waits.n > 0 && line(p99, "p99")}
      </svg>
      <div class="ticks" aria-hidden="true">
        {ticks.map(({ ns, at }) => (
          <span key={ns} style={{ left: `clamp(1.8rem, ${at * 100}%, 100% - 1.8rem)` }}>
            {time(ns)}
          </span>
        ))}
      </div>
      <details>
        <summary>as a table</summary>
        <div class="scroll tall" tabIndex={0} role="region" aria-label={`Waits: ${name}`}>
          <table>
            <thead>
              <tr>
                <th>time</th>
                <th class="figure">waits</th>
              </tr>
            </thead>
            <tbody>
              {bars.filter(({ count }) => count > 0).map(({ fromNs, toNs, count }) => (
                <tr key={fromNs}>
                  <td>{span(fromNs, toNs)}</td>
                  <td class="figure">{count}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </figure>
  );
}
