/** How long exits and calls of real guests took, as the stub and the hypervisor core count it. */
import { ok, strictEqual } from "node:assert";
import { Runtime } from "../../runtime/runtime.ts";
import type { WaitHistogram } from "../../runtime/latency.ts";
import { engineTest, POINTS } from "../support.ts";

const TURNS = 3000;

/** The least and the most that the waits of a histogram may have taken together, nanoseconds. */
function boundsOf({ counts }: WaitHistogram, boundsNs: readonly number[]): [number, number] {
  let least = 0, most = 0;
  for (const [bucket, count] of counts.entries()) {
    if (count === 0) continue;
    least += count * boundsNs[bucket]!;
    most += count * (boundsNs[bucket + 1] ?? Infinity);
  }
  return [least, most];
}

for (const point of POINTS) {
  engineTest(
    `every exit is in the bucket of its time at ${point.placement}+${point.notification}`,
    async () => {
      await using runtime = await Runtime.open();
      await using vm = runtime.createVm({
        guest: "exits",
        cmdline: `ops=in,mmio,call_ring n=${TURNS}`,
        ...point,
      });
      await vm.start();
      await vm.output();
      const { code } = await vm.ended, { boundsNs, exits, calls } = vm.latency();
      strictEqual(code, 0);
      const [vcpu] = vm.stats().vcpus;
      let wait = 0;
      for (const [reason, histogram] of Object.entries(exits)) {
        // The exit by which the guest ends itself has no completion.
        ok(vcpu!.exits[reason]! - histogram.n <= 1, `${reason}: ${histogram.n}`);
        const [least, most] = boundsOf(histogram, boundsNs), sum = histogram.n * histogram.meanNs;
        ok(least <= sum && sum <= most, `${reason}: ${sum} not from ${least} to ${most}`);
        ok(histogram.p50Ns <= histogram.p99Ns);
        wait += sum;
      }
      ok(Math.abs(wait - vcpu!.waitNs) <= 1e-6 * wait, `${wait} and ${vcpu!.waitNs}`);
      ok(exits.io!.n >= TURNS && exits["ept-violation"]!.n >= TURNS);
      ok(calls!.n > 0 && calls!.n < vcpu!.calls, `${calls!.n} of ${vcpu!.calls} calls`);
    },
  );
}

engineTest("waits on a virtual clock are told, and calls are not timed", async () => {
  await using runtime = await Runtime.open();
  await using vm = runtime.createVm({
    guest: "exits",
    engine: "soft",
    clock: "virtual",
    cmdline: "ops=in,call_ring n=100",
  });
  await vm.start();
  await vm.ended;
  const { exits, calls } = vm.latency();
  ok(exits.io!.n >= 100);
  strictEqual(calls, undefined);
});
