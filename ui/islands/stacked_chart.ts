/** Stacked areas over time, by uPlot: apart, since it is large. */
import uPlot from "uplot";
import { short } from "../components/format.ts";
import type { RateHistory } from "./rate_history.ts";

/** Height of the names below, and room for rates such as `1.00 M`, pixels. */
const LEGEND_HEIGHT = 30, RATE_WIDTH = 64;

/** Told apart in light and dark, and by people who see few colours (Okabe and Ito). */
const COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442"];

/** A chart that fills `place`. */
export function stackedChart(
  place: HTMLElement,
): { show(history: RateHistory): void; destroy(): void } {
  let chart: uPlot | undefined, names = "";
  const size = () => ({
    width: place.clientWidth,
    height: place.clientHeight - LEGEND_HEIGHT,
  });
  const watcher = new ResizeObserver(() => chart?.setSize(size()));
  watcher.observe(place);
  return {
    show(history) {
      // The highest band first: those in front of it hide its lower part.
      const bands = history.stacked().reverse();
      const data = [history.times, ...bands.map(({ sums }) => sums)] as uPlot.AlignedData;
      const now = bands.map(({ name }) => name).join();
      if (chart && now === names) {
        chart.setData(data);
        return;
      }
      chart?.destroy();
      names = now;
      const stroke = () => getComputedStyle(place).color;
      chart = new uPlot(
        {
          ...size(),
          legend: { live: false },
          cursor: { show: false },
          axes: [
            { stroke, values: (_, times) => times.map((at) => `${Math.round(at) % 60} s`) },
            { stroke, size: RATE_WIDTH, values: (_, rates) => rates.map(short) },
          ],
          series: [
            {},
            ...bands.map(({ name }, i) => ({
              label: name,
              stroke: COLOURS[(bands.length - 1 - i) % COLOURS.length]!,
              fill: COLOURS[(bands.length - 1 - i) % COLOURS.length]!,
              points: { show: false },
            })),
          ],
        },
        data,
        place,
      );
    },
    destroy() {
      watcher.disconnect();
      chart?.destroy();
    },
  };
}
