/**
 * What an event costs a vCPU on a virtual clock, in cycles. The figures are those of a model of exits
 * and rings (SplitX, WIOV 2011, and the measurements that it rests on): an exit that the guest core
 * serves itself costs its direct cost, an event of a split machine what moving cache lines between two
 * cores does. What handlers do takes no time, and no hypervisor core is ever busy with somebody else.
 */
import {
  EVENT_ADDR_LO,
  EVENT_FLAGS,
  EVENT_REASON,
  EVENT_WRITE,
  EXIT_EOI,
  EXIT_IO,
  EXIT_POLL,
  PORT_DOORBELL,
  VCPU_BLOCK_POSTED_PORTS,
} from "./abi.ts";

/** Into the hypervisor and back on one core: the direct cost, SplitX, table 1. */
export const TRAP_CYCLES = 2000;
/** Putting an entry on a ring: one or two writes to cache lines, 50 to 150 cycles. */
export const POST_CYCLES = 100;
/** A cache line from one core of a socket to another: 100 to 250 cycles. */
export const LINE_CYCLES = 175;
/** A request and its answer: posted, and a line each way. */
export const ROUND_TRIP_CYCLES = POST_CYCLES + 2 * LINE_CYCLES;

/** Where the handler of an exit runs; see `vmConfigSchema`. */
export type Placement = "same-core" | "split";

/**
 * Cost of an exit event.
 *
 * @param words the vCPU's block
 * @param at index of the event's first word
 */
export function exitCycles(placement: Placement, words: Int32Array, at: number): number {
  const reason = words[at + EVENT_REASON]!;
  if (reason === EXIT_POLL) return 0; // nobody polls on a virtual clock: this stands for it
  if (placement === "same-core") return TRAP_CYCLES;
  if (reason === EXIT_EOI) return POST_CYCLES;
  if (reason !== EXIT_IO || (words[at + EVENT_FLAGS]! & EVENT_WRITE) === 0) {
    return ROUND_TRIP_CYCLES;
  }
  const port = words[at + EVENT_ADDR_LO]!;
  // It tells of requests that a core which polls would have seen; those have costs of their own.
  if (port === PORT_DOORBELL) return 0;
  const posted = words[VCPU_BLOCK_POSTED_PORTS + (port >> 5)]! >> (port & 31) & 1;
  return posted ? POST_CYCLES : ROUND_TRIP_CYCLES;
}

/**
 * Cost of requests through the hypercall page.
 *
 * @param calls through the synchronous cell
 * @param posted through the ring
 */
export function callCycles(placement: Placement, calls: number, posted: number): number {
  if (placement === "same-core") return 0; // the exit that rang the doorbell has been paid
  return calls * ROUND_TRIP_CYCLES + posted * POST_CYCLES;
}
