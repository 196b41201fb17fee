import { strictEqual } from "node:assert";
import {
  EVENT_ADDR_LO,
  EVENT_FLAGS,
  EVENT_REASON,
  EVENT_WRITE,
  EXIT_EOI,
  EXIT_EPT_VIOLATION,
  EXIT_IO,
  EXIT_POLL,
  PORT_COM1,
  PORT_DOORBELL,
  PORT_POST,
  VCPU_BLOCK_BYTES,
  VCPU_BLOCK_EVENT,
  VCPU_BLOCK_POSTED_PORTS,
} from "./abi.ts";
import {
  callCycles,
  exitCycles,
  type Placement,
  POST_CYCLES,
  ROUND_TRIP_CYCLES,
  TRAP_CYCLES,
} from "./cost_model.ts";

const block = new Int32Array(VCPU_BLOCK_BYTES / 4);
block[VCPU_BLOCK_POSTED_PORTS + (PORT_COM1 >> 5)]! |= 1 << (PORT_COM1 & 31);

function cost(placement: Placement, reason: number, address = 0, flags = 0): number {
  block[VCPU_BLOCK_EVENT + EVENT_REASON] = reason;
  block[VCPU_BLOCK_EVENT + EVENT_ADDR_LO] = address;
  block[VCPU_BLOCK_EVENT + EVENT_FLAGS] = flags;
  return exitCycles(placement, block, VCPU_BLOCK_EVENT);
}

Deno.test("exitCycles() is a trap for every exit that a guest core serves itself", () => {
  for (const reason of [EXIT_IO, EXIT_EPT_VIOLATION, EXIT_EOI]) {
    strictEqual(cost("same-core", reason, PORT_COM1, EVENT_WRITE), TRAP_CYCLES);
  }
  strictEqual(cost("same-core", EXIT_POLL), 0);
});

Deno.test("exitCycles() of a split machine is a post, or a round trip where an answer is needed", () => {
  strictEqual(cost("split", EXIT_EOI), POST_CYCLES);
  strictEqual(cost("split", EXIT_IO, PORT_COM1, EVENT_WRITE), POST_CYCLES);
  strictEqual(cost("split", EXIT_IO, PORT_COM1), ROUND_TRIP_CYCLES);
  strictEqual(cost("split", EXIT_IO, PORT_POST, EVENT_WRITE), ROUND_TRIP_CYCLES);
  strictEqual(cost("split", EXIT_EPT_VIOLATION, 0, EVENT_WRITE), ROUND_TRIP_CYCLES);
  strictEqual(cost("split", EXIT_IO, PORT_DOORBELL, EVENT_WRITE), 0);
  strictEqual(cost("split", EXIT_POLL), 0);
});

Deno.test("callCycles() charges requests of a split machine, whose doorbell is free", () => {
  strictEqual(callCycles("same-core", 3, 4), 0);
  strictEqual(callCycles("split", 3, 4), 3 * ROUND_TRIP_CYCLES + 4 * POST_CYCLES);
});
