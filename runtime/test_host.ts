/** A host as records have it, for tests. */
import type { HostRecord } from "./records.ts";

/** See the head of this file. */
export const TEST_HOST: HostRecord = {
  cpu: "a model",
  cores: "0-1",
  kernel: "6.1",
  deno: "2.9",
  tscKhz: 2_000_000,
  native: "everything",
  ring0Ns: 1,
  ring3Ns: 1,
  exitNs: 900.5,
};
