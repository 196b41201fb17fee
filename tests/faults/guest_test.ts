/** What a guest does wrong becomes what hardware would do, and never more than its own end. */
import { match, ok, strictEqual } from "node:assert";
import { Runtime } from "../../runtime/runtime.ts";
import { engineTest, finish, POINTS, runVm, TempFile } from "../support.ts";

for (const placement of ["same-core", "split"] as const) {
  engineTest(
    `unmapped memory and wild ports read all ones and are counted at ${placement}`,
    async () => {
      await using runtime = await Runtime.open();
      // A guest masks the PICs of a PC, whether there are any or not.
      const plain = await runVm(runtime, { guest: "crash", cmdline: "do=mmio", placement });
      const { output, end, stats } = await runVm(runtime, {
        guest: "crash",
        cmdline: "do=mmio,port",
        placement,
      });
      strictEqual(output, "mmio read 0xffffffff\nport read 0xffffffff\nsurvived\n");
      strictEqual(end.code, 0);
      strictEqual(stats.unmappedMemory, 2);
      strictEqual(stats.wildPorts, plain.stats.wildPorts + 2);
    },
  );

  engineTest(`a triple fault fails the machine with its last exit at ${placement}`, async () => {
    await using runtime = await Runtime.open();
    const { end } = await runVm(runtime, { guest: "crash", cmdline: "do=triple", placement });
    strictEqual(end.state, "failed");
    strictEqual(end.reason, "triple fault");
    strictEqual(end.lastExit?.reason, 2);
    ok(end.lastExit!.rip !== 0n);
    const { output } = await runVm(runtime, { guest: "hello", placement });
    match(output, /^hello/); // the core goes on
  });

  engineTest(`an exception powers off with its reason on the console at ${placement}`, async () => {
    await using runtime = await Runtime.open();
    const { output, end } = await runVm(runtime, {
      guest: "crash",
      cmdline: "do=exception",
      placement,
    });
    match(output, /^trap vector=6 /);
    strictEqual(end.code, 125);
  });
}

for (const point of POINTS) {
  const at = `${point.placement}+${point.notification}`;

  engineTest(`10,000 pages of garbage in rings and cell harm nobody at ${at}`, async () => {
    await using runtime = await Runtime.open();
    await using vm = runtime.createVm({
      guest: "crash",
      cmdline: "do=garbage rounds=10000 seed=20111",
      ...point,
    });
    await vm.start();
    for await (const _ of vm.console); // it may have called the console
    strictEqual((await vm.ended).code, 7);
    const { output } = await runVm(runtime, { guest: "hello", ...point });
    match(output, /^hello/);
  });

  engineTest(`garbage with a disk reaches no further than guest and disk at ${at}`, async () => {
    await using runtime = await Runtime.open();
    using disk = new TempFile(new Uint8Array(1 << 16));
    const bystander = runtime.createVm({ guest: "hello", cmdline: "b=1", overcommit: true });
    await using vm = runtime.createVm({
      guest: "crash",
      cmdline: "do=garbage rounds=10000 seed=1997",
      disk: disk.path,
      writable: true,
      overcommit: true,
      ...point,
    });
    await vm.start();
    for await (const _ of vm.console);
    // It may have read the disk over its own code: then it has faulted, on its own.
    const { state, code, reason } = await vm.ended;
    ok(state === "stopped" ? [7, 125].includes(code!) : reason === "triple fault", reason);
    strictEqual(Deno.statSync(disk.path).size, 1 << 16);
    strictEqual(
      (await finish(bystander)).output,
      "hello from ring 3 on splitx\ncommand line: b=1\n",
    );
  });
}
