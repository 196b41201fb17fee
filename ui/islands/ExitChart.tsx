/** Exits a second by reason, stacked, over the last half minute. */
import { useEffect, useRef } from "preact/hooks";
import { snapshot } from "./live.ts";
import { RateHistory } from "./rate_history.ts";

export function ExitChart({ vm }: { readonly vm: number }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    let chart: { show(history: RateHistory): void; destroy(): void } | undefined, gone = false;
    const history = new RateHistory();
    const stop = snapshot.subscribe((latest) => {
      const machine = latest?.machines.find((one) => one.id === vm);
      if (!latest || !machine) return;
      history.add(Date.parse(latest.at) / 1000, machine.exits);
      chart?.show(history);
    });
    void import("./stacked_chart.ts").then(({ stackedChart }) => {
      if (!gone) chart = stackedChart(place.current!);
    });
    return () => {
      gone = true;
      stop();
      chart?.destroy();
    };
  }, [vm]);
  return <div class="chart" ref={place} role="img" aria-label="Exits a second by reason" />;
}
