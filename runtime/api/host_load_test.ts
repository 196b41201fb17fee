import { deepStrictEqual, ok } from "node:assert";
import { HostLoad, parseProcStat } from "./host_load.ts";

Deno.test("parseProcStat() counts guests once, and waiting for a disk as idle", () => {
  const text = "cpu  99 0 0 0\ncpu0 10 1 2 70 5 1 1 0 8 0\ncpu11 0 0 0 7\nintr 1 2\n";
  deepStrictEqual([...parseProcStat(text)], [
    [0, { busy: 15, idle: 75 }],
    [11, { busy: 0, idle: 7 }],
  ]);
});

Deno.test("read() gives shares of this host's cores", () => {
  const load = new HostLoad();
  for (let i = 0; i < 2; i++) {
    for (const share of load.read().values()) ok(share >= 0 && share <= 1);
  }
});
